"""P5, P11: Dockerfile, compose, Procfile: linted, and the very commands in them run in a fresh root."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from containers import Image, compose
from project import ENGINES, TEMPLATE, Bake, BakedProject
from servers import Server, free_port, lacking

SETTINGS = {"SECRET_KEY": "9f6a1c8e7b", "TRUSTED_HOSTS": "shop.example"}


def tool(name: str) -> str:
    """Return a linter's path, which the template's own environment brings along."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return found or lacking(f"{name} is not installed: uv sync")


def get(port: int, path: str, host: str = "shop.example") -> int:
    """Return the status; 0 where nobody listens yet."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Host": host})
    try:
        return urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(port: int, path: str, process: subprocess.Popen) -> int:
    for _ in range(600):
        if status := get(port, path):
            return status
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    raise AssertionError("it does not answer")


def stop(*processes: subprocess.Popen) -> list[tuple[int, str]]:
    """As a container engine does: SIGTERM, and wait for the requests under way."""
    for process in processes:
        process.send_signal(signal.SIGTERM)
    return [
        (process.returncode, out) for process in processes for out in [process.communicate(timeout=60)[0]]
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_the_files_please_their_linters(render: Bake, engine: str) -> None:
    project = render(database=engine)
    project.run(tool("hadolint"), "--failure-threshold", "style", "Dockerfile")
    files = sorted(path.name for path in project.path.glob("compose*.yaml"))
    assert len(files) == (1 if engine == "sqlite" else 2)
    project.run(tool("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", *files)


def test_nothing_secret_and_nothing_of_this_machine_goes_into_the_image(project: BakedProject) -> None:
    project.make("db")
    (project.path / ".env").write_text("SECRET_KEY=x\n")
    (project.path / ".env.production").write_text("SECRET_KEY=x\n")
    image = Image(project.path.parent / "image", project.path)
    image._workdir("/app")
    image._copy(". .")
    there = {path.name for path in image.app.rglob("*")}
    assert {"wsgi.py", "gunicorn.conf.py", "HEAD", ".flaskenv", "manage.py", "pyproject.toml"} < there
    assert not {".env", ".env.production", "instance", ".git", ".venv", "tests", "secret_key"} & there


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, environment: Path) -> Iterator[Image]:
    """Built once from a project with two revisions; closed to nobody, for it runs as www-data."""
    from cookiecutter.main import cookiecutter

    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        context = Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=name))
        (context / ".venv").symlink_to(environment)
        project = BakedProject(context)
        project.write_revision(
            "two", "def upgrade():\n    op.execute(\"INSERT INTO tags VALUES (7, 'once')\")\n"
        )
        head = context / "migrations" / "HEAD"
        head.write_text(f"{head.read_text()}two 0 two\n")
        shutil.copy(environment.parent / "uv.lock", context)
        yield Image(root / "root", context).build()


def test_the_image_runs_as_somebody_who_may_change_nothing_but_instance(image: Image) -> None:
    assert image.user and not image.user.startswith("0")
    if os.geteuid() == 0:
        touch = "import pathlib as p\nfor f in ('x', 'my_app/x', 'instance/x'):\n    try: p.Path(f).touch()\n"
        touch += "    except PermissionError: print('refused', f)"
        code, out = (run := image.run(["python", "-c", touch])).wait(), run.stdout.read()
        assert (code, out) == (0, "refused x\nrefused my_app/x\n")
    assert not (image.app / ".venv" / "bin" / "pytest").exists()  # no tools of developers


def test_the_image_refuses_in_one_sentence(image: Image) -> None:
    for env, word in (({}, "SECRET_KEY"), ({"SECRET_KEY": "9f6a1c8e7b"}, "TRUSTED_HOSTS")):
        process = image.run(**env)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 1 and word in out and out.count("\n") == 1


@pytest.mark.parametrize("engine", ENGINES)
def test_P5_compose_migrates_once_and_then_serves(
    image: Image, engine: str, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{image.app}/instance/{engine}.db"
    if engine != "sqlite":
        server: Server = request.getfixturevalue(engine)
        url = server.url("composed")
    path = image.context / "compose.production.yaml"
    services = compose(path, SETTINGS | {"DATABASE_URL": url})
    port = free_port()
    web = {name: str(value) for name, value in services["web"]["environment"].items()}
    check = [part.replace(":8000/", f":{port}/") for part in services["web"]["healthcheck"]["test"][1:]]
    assert services["web"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}

    serving = image.run(**web, PORT=str(port))
    # Who starts it by hand before the migration: it lives, and is sent nothing.
    assert wait_for(port, "/health/live", serving) == 200
    assert get(port, "/health/ready") == 503
    assert image.run(check).wait() != 0
    migrating = image.run(services["migrate"]["command"], **web)
    out, _ = migrating.communicate(timeout=120)
    assert migrating.returncode == 0 and "empty → two (two)" in out
    assert get(port, "/health/ready") == get(port, "/") == 200
    assert get(port, "/", host="evil.example") == 400
    assert image.run(check).wait() == image.run(image.healthcheck, PORT=str(port)).wait() == 0
    ((code, out),) = stop(serving)
    assert code == 0 and "Traceback" not in out.partition("Shutting down")[2]


@pytest.mark.parametrize("engine", ENGINES)
def test_P5_replicas_that_all_migrate_at_start(
    image: Image, engine: str, request: pytest.FixtureRequest
) -> None:
    """Three containers with `flask db upgrade && gunicorn`, on a database that is empty."""
    url = f"sqlite:///{image.app}/instance/replicas.db"
    if engine != "sqlite":
        server: Server = request.getfixturevalue(engine)
        url = server.url("replicas")
    settings = SETTINGS | {"DATABASE_URL": url, "MIGRATION_LOCK_TIMEOUT": "200"}
    ports = [free_port() for _ in range(3)]
    command = ["sh", "-c", f"flask db upgrade && exec {image.cmd[0]}"]
    replicas = [image.run(command, **settings, PORT=str(port)) for port in ports]
    try:
        for port, replica in zip(ports, replicas, strict=True):
            assert wait_for(port, "/health/ready", replica) == 200
    finally:
        ended = stop(*replicas)
    out = "".join(out for _, out in ended)
    assert [code for code, _ in ended] == [0, 0, 0], out
    assert len(re.findall(r"^  (?:\d/\d )?two \(two\)\n    [\d.]+ s$", out, re.MULTILINE)) == 1
    rows = BakedProject(image.context, env={"DATABASE_URL": url}).sql("SELECT name FROM tags")
    assert rows == [("once",)]


def test_P5_the_release_of_the_Procfile_migrates_before_the_web_serves(
    project: BakedProject, tmp_path: Path
) -> None:
    """As a platform runs it: each line by a shell, the environment's programs on the PATH."""
    lines = dict(line.split(": ", 1) for line in (project.path / "Procfile").read_text().splitlines())
    assert list(lines) == ["release", "web"]
    url = f"sqlite:///{tmp_path}/live.db"
    env = SETTINGS | {"DATABASE_URL": url, "PATH": f"{project.python.parent}:{os.environ['PATH']}"}
    assert "empty → 3f1d9a62c0b7" in project.run("sh", "-c", lines["release"], **env).out
    port = free_port()
    web = subprocess.Popen(
        ["sh", "-c", f"exec {lines['web']}"], cwd=project.path, env=env | {"PORT": str(port)},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert wait_for(port, "/health/ready", web) == get(port, "/") == 200
    finally:
        ((code, _),) = stop(web)
    assert code == 0


def test_the_commands_of_docs_deployment(render: Bake, environment: Path, tmp_path: Path) -> None:
    """Word for word, in an environment of its own; what needs a container engine is looked at by the linters.

    The rename has a test of its own, test_expand_contract.py.
    """
    project = render()
    page = (project.path / "docs" / "deployment.md").read_text().partition("## Expand and contract")[0]
    verify, docker, plain = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    services = compose(project.path / "compose.production.yaml", SETTINGS | {"DATABASE_URL": "x"})
    start = "docker compose -f compose.production.yaml"
    assert docker.split(f"{start} ")[1:] == ["build\n", "run --rm migrate\n", "up --detach --wait\n"]
    assert set(services) == {"migrate", "web"}
    shutil.copy(environment.parent / "uv.lock", project.path)
    port = free_port()
    project.env |= SETTINGS | {"DATABASE_URL": f"sqlite:///{tmp_path}/live.db", "PORT": str(port)}
    project.env["PATH"] = f"{project.path}/.venv/bin:{Path(sys.executable).parent}:{os.environ['PATH']}"
    *before, serve = plain.splitlines()
    for command in before:
        project.run("sh", "-c", command)
    assert "✓ nothing breaks" in project.run("sh", "-c", f"FLASK_DEBUG=0 {verify}").out
    web = subprocess.Popen(["sh", "-c", f"exec {serve}"], cwd=project.path, env=os.environ | project.env)
    try:
        assert wait_for(port, "/health/ready", web) == 200
    finally:
        web.terminate()
    assert web.wait(60) == 0
