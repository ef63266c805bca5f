"""What a visitor sees after an error, and what is in the log: readable lines, or one JSON object each."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter
from project import TEMPLATE, BakedProject, clean_environment
from servers import free_port
from test_production import SERVED

VIEWS = """
from flask import abort
from sqlalchemy import text

from .database import db


def add(app):
    @app.get("/boom")
    def boom():
        raise RuntimeError("a secret of the code")

    @app.get("/sql")
    def sql():
        db.session.execute(text("SELECT :password FROM nowhere"), {"password": f"hunter{1 + 1}"})

    @app.get("/lost")
    def lost():
        abort(404, "<script>alert(1)</script>")

    @app.get("/away")
    def away():
        abort(503)

    @app.post("/form")
    def form():
        app.logger.info("sent")
        return "sent"
"""
ASK = """
import json, sys
from wsgi import app
answers = []
for path, options in json.loads(sys.argv[1]):
    response = app.test_client().open(path, **{"base_url": "http://shop.example"} | options)
    headers = dict(response.headers.items(lower=True))
    answers.append([response.status_code, response.mimetype, response.text, headers])
print(json.dumps(answers))
"""
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
JSON = {"Accept": "application/json, text/plain, */*"}


@pytest.fixture(scope="module")
def project(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """One for all of these tests, which change nothing in it: with views that fail."""
    folder = str(tmp_path_factory.mktemp("errors"))
    project = BakedProject(Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder)))
    project.share(environment)
    (project.path / project.package / "failing.py").write_text(VIEWS)
    project.edit(
        f"{project.package}/__init__.py", "    return app\n", "    failing.add(app)\n    return app\n"
    )
    project.edit(f"{project.package}/__init__.py", "database, logs", "database, failing, logs")
    project.make("db")
    return project


def ask(project: BakedProject, *requests: tuple[str, dict[str, Any]], **env: str) -> tuple[list[Any], str]:
    """Send requests to the application as a web server has it; return the answers and the log."""
    out = project.run(project.python, "-c", ASK, json.dumps(requests), **SERVED | env).out
    log, _, answers = out.rstrip("\n").rpartition("\n")
    return json.loads(answers), log


def test_an_error_is_a_page_of_the_site(project: BakedProject) -> None:
    answers, _ = ask(
        project,
        ("/nothing", {"headers": HTML}),
        ("/lost", {"headers": HTML}),
        ("/away", {"headers": HTML}),
        ("/form", {"headers": HTML}),
    )
    assert [(status, mimetype) for status, mimetype, *_ in answers] == [
        (status, "text/html") for status in (404, 404, 503, 405)
    ]
    for _, _, text, headers in answers:
        assert '<link rel="stylesheet" href="/static/style.css">' in text and "My App</a>" in text
        assert headers["content-security-policy"] and headers["content-type"] == "text/html; charset=utf-8"
    assert "<script>" not in answers[1][2] and "&lt;script&gt;alert(1)" in answers[1][2]
    assert "<h1>Service Unavailable</h1>" in answers[2][2]
    assert set(answers[3][3]["allow"].split(", ")) == {"POST", "OPTIONS"}


def test_an_error_is_json_for_a_client_that_asks_for_it(project: BakedProject) -> None:
    answers, _ = ask(
        project,
        ("/nothing", {"headers": JSON}),
        ("/boom", {"headers": JSON}),
        ("/nothing", {"method": "POST", "json": {}}),  # it sends JSON, and accepts anything
        ("/nothing", {}),
    )
    assert [mimetype for _, mimetype, *_ in answers] == [*["application/json"] * 3, "text/html"]
    first = json.loads(answers[0][2])
    assert (first["status"], first["error"]) == (404, "Not Found") and "spelling" in first["message"]
    assert json.loads(answers[1][2])["error"] == "Internal Server Error"
    assert "secret" not in answers[1][2]


def test_the_page_of_a_failure_names_the_request_in_the_log(project: BakedProject) -> None:
    """And nothing of the reason. It does not need a database."""
    env = {"DATABASE_URL": f"postgresql://me:hidden-word@127.0.0.1:{free_port()}/shop"}
    ((status, _, text, headers), (_, _, given, _)), log = ask(
        project,
        ("/boom?token=hidden", {"headers": HTML}),
        ("/boom", {"headers": HTML | {"X-Request-ID": "proxy-0123456789"}}),
        **env,
    )
    assert status == 500 and "<h1>Internal Server Error</h1>" in text
    (number,) = re.findall(r"<code>([0-9a-f]{16})</code>", text)
    assert headers["x-request-id"] == number
    assert (
        f"Exception on /boom [GET] [request {number}]" in log and "RuntimeError: a secret of the code" in log
    )
    assert "proxy-0123456789" in given and "[request proxy-0123456789]" in log
    for secret in ("secret of", "RuntimeError", "Traceback", "my_app"):
        assert secret not in text
    assert "token=hidden" not in log and "hidden-word" not in log


def test_a_request_id_cannot_forge_a_line(project: BakedProject) -> None:
    ((_, _, text, headers),), _ = ask(project, ("/boom", {"headers": {"X-Request-ID": "<b>0123456789"}}))
    assert "<b>0123456789" not in text and re.fullmatch("[0-9a-f]{16}", headers["x-request-id"])


def test_a_database_that_does_not_answer_is_503(project: BakedProject) -> None:
    env = {"DATABASE_URL": f"postgresql://me:hidden-word@127.0.0.1:{free_port()}/shop"}
    ((status, _, text, headers),), log = ask(project, ("/sql", {"headers": HTML}), **env)
    assert status == 503 and headers["retry-after"] == "10" and "The database does not answer." in text
    assert "Exception on /sql" in log
    assert "hidden-word" not in log + text


def test_values_of_statements_are_neither_on_the_page_nor_in_the_log(project: BakedProject) -> None:
    ((status, _, text, _),), log = ask(project, ("/sql", {"headers": HTML}))
    assert status == 500 and "no such table: nowhere" in log
    assert "hunter2" not in log + text


def test_a_forged_host_gets_a_plain_answer(project: BakedProject) -> None:
    ((status, _, text, _),), _ = ask(project, ("/", {"base_url": "http://evil.example", "headers": HTML}))
    assert status == 400 and "stylesheet" not in text


def test_errors_of_development_and_tests_reach_the_debugger(project: BakedProject) -> None:
    code = (
        "from my_app import create_app\nclient = create_app().test_client()\n"
        "print(client.get('/nothing').status)\nclient.get('/boom')"
    )
    out = project.run(project.python, "-c", code, check=False, FLASK_DEBUG="1").out
    assert "404 NOT FOUND\n" in out and "\nRuntimeError: a secret of the code\n" in out


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"LOG_FORMAT": "xml"}, "Error: LOG_FORMAT is xml: set it to json or text."),
        ({"LOG_LEVEL": "loud"}, "Error: LOG_LEVEL is LOUD: set it to DEBUG, INFO, WARNING or ERROR."),
    ],
)
def test_settings_that_do_not_exist(project: BakedProject, env: dict[str, str], sentence: str) -> None:
    assert project.fails(project.python, "wsgi.py", **SERVED | env) == sentence


@pytest.fixture
def served(project: BakedProject, tmp_path: Path) -> Iterator[Any]:
    """`gunicorn` as the container runs it; yields (process, port, log)."""
    port, log = free_port(), tmp_path / "log"
    env = clean_environment() | SERVED | {"PORT": str(port), "LOG_FORMAT": "json", "WEB_CONCURRENCY": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [project.python.with_name("gunicorn")], cwd=project.path, env=env, stdout=output, stderr=output
        )
    try:
        yield process, port, log
    finally:
        process.terminate()
        process.wait(timeout=30)


def visit(port: int, path: str) -> int:
    for _ in range(200):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            time.sleep(0.05)
    raise AssertionError("gunicorn does not answer")


def test_gunicorn_writes_one_json_object_per_event(served: Any) -> None:
    process, port, log = served
    assert visit(port, "/health/live?token=hidden") == 200
    os.kill(process.pid, signal.SIGHUP)  # reload, after which gunicorn sets up its log again
    while "Hang up" not in log.read_text():
        time.sleep(0.05)
    while "Booting worker" not in log.read_text().partition("Hang up")[2]:
        time.sleep(0.05)
    assert visit(port, "/boom?token=hidden") == 500
    process.terminate()
    process.wait(timeout=30)
    text = log.read_text()
    events = [json.loads(line) for line in text.splitlines()]  # each line is one
    assert all(event.keys() >= {"time", "level", "logger", "message"} for event in events)
    assert {event["logger"] for event in events} == {"gunicorn.error", "gunicorn.access", "my_app"}
    access = [event for event in events if event["logger"] == "gunicorn.access"]
    assert [(event["path"], event["method"], event["status"]) for event in access] == [
        ("/health/live", "GET", "200"),
        ("/boom", "GET", "500"),
    ]
    (failure,) = [event for event in events if event["logger"] == "my_app"]
    assert failure["level"] == "ERROR" and failure["exception"].startswith("Traceback")
    assert failure["request_id"] == access[1]["request_id"] and failure["path"] == "/boom"
    assert "hidden" not in text
