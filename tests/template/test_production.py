"""What is stricter where the application is served: cookies, hosts, proxies, limits, headers, refusals."""

import json
from pathlib import Path

import pytest
from project import TEMPLATE, BakedProject
from test_downgrades import PRODUCTION

SERVED = PRODUCTION | {"TRUSTED_HOSTS": "shop.example, .example.org"}
PROBE = """
import json, sys
from flask import request, session
{start}


@app.route("/probe", methods=["GET", "POST"])
def probe():
    session["user"] = "ada"
    return {{"form": len(request.form), "host": request.host, "from": request.remote_addr,
            "scheme": request.scheme}}


with app.test_client() as client:
    response = client.open("/probe", **json.loads(sys.argv[1]))
print(json.dumps([response.status_code, response.json if response.is_json else None,
                  dict(response.headers.items(lower=True))]))
"""
WSGI = PROBE.format(start="from wsgi import app")
TESTS = "from my_app import create_app\napp = create_app({'TESTING': True, 'SECRET_KEY': 'x'})"
DEVELOPMENT = PROBE.format(start="from my_app import create_app\napp = create_app()")


@pytest.fixture(scope="module")
def project(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> BakedProject:
    """One for all of these tests, which change nothing in it."""
    from cookiecutter.main import cookiecutter

    folder = str(tmp_path_factory.mktemp("production"))
    baked = BakedProject(Path(cookiecutter(str(TEMPLATE), no_input=True, output_dir=folder)))
    (baked.path / ".venv").symlink_to(environment)
    (baked.path / "instance").mkdir()
    return baked


def probe(project: BakedProject, code: str, *, env: dict[str, str] = SERVED, **request: object) -> tuple:
    """Send a request to the application in a process of its own; return status, what it saw, and headers."""
    request = {"base_url": "http://shop.example"} | request
    out = project.run(project.python, "-c", code, json.dumps(request), **env).out
    status, seen, headers = json.loads(out.splitlines()[-1])
    return status, seen, headers


def test_cookies_and_headers_in_production(project: BakedProject) -> None:
    status, _, headers = probe(project, WSGI, base_url="https://shop.example")
    assert status == 200
    flags = {flag.strip().partition("=")[0] for flag in headers["set-cookie"].split(";")}
    assert {"Secure", "HttpOnly", "SameSite"} < flags and "SameSite=Lax" in headers["set-cookie"]
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY" and headers["referrer-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    _, _, plain = probe(project, WSGI)
    assert "strict-transport-security" not in plain


def test_development_and_tests_work_over_http_with_nothing_set(project: BakedProject) -> None:
    project.flask("db", "upgrade")  # or the page says that the database does not exist
    for code, env in ((DEVELOPMENT, {"FLASK_DEBUG": "1"}), (PROBE.format(start=TESTS), {"FLASK_DEBUG": "0"})):
        status, seen, headers = probe(project, code, env=env, base_url="http://any.where:5000")
        assert status == 200 and seen["host"] == "any.where:5000"
        assert "Secure" not in headers["set-cookie"] and "HttpOnly" in headers["set-cookie"]
        assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("host", "status"),
    [("shop.example", 200), ("www.example.org:8443", 200), ("127.0.0.1:8000", 200), ("evil.example", 400)],
)
def test_only_hosts_that_are_named_are_answered(project: BakedProject, host: str, status: int) -> None:
    assert probe(project, WSGI, base_url=f"http://{host}")[0] == status


def test_any_host_where_somebody_says_so(project: BakedProject) -> None:
    assert probe(project, WSGI, env=SERVED | {"TRUSTED_HOSTS": "*"}, base_url="http://evil.example")[0] == 200


@pytest.mark.parametrize(
    ("proxies", "scheme", "address"), [(None, "http", "10.0.0.9"), ("1", "https", "5.6.7.8")]
)
def test_a_proxy_is_believed_only_where_one_is_named(
    project: BakedProject, proxies: str | None, scheme: str, address: str
) -> None:
    """The client has sent 1.2.3.4, the proxy has added 5.6.7.8; X-Forwarded-Host is never believed."""
    headers = {
        "X-Forwarded-For": "1.2.3.4, 5.6.7.8",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
    }
    env = SERVED | ({"TRUSTED_PROXIES": proxies} if proxies else {})
    status, seen, _ = probe(project, WSGI, env=env, headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert (status, seen["scheme"], seen["from"]) == (200, scheme, address)
    assert seen["host"] == "shop.example"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ("{'a': '1'}", 200),
        ("{'a': 'x' * 600_000, 'file': (io.BytesIO(), 'f')}", 413),
        ("{str(n): '1' for n in range(1001)} | {'file': (io.BytesIO(), 'f')}", 413),
        ("{'file': (io.BytesIO(bytes(17 << 20)), 'f')}", 413),
    ],
    ids=["small", "a long field", "many parts", "a large file"],
)
def test_large_requests_are_refused(project: BakedProject, form: str, status: int) -> None:
    code = WSGI.replace("**json.loads", f"data={form}, **json.loads").replace(
        "import json", "import io, json"
    )
    assert probe(project, code, method="POST")[0] == status


@pytest.mark.parametrize(
    ("env", "word"),
    [
        (SERVED | {"SECRET_KEY": "change-me"}, "SECRET_KEY"),
        (SERVED | {"FLASK_DEBUG": "1"}, "FLASK_DEBUG=0"),
        (SERVED | {"TRUSTED_HOSTS": ""}, "TRUSTED_HOSTS"),
        (SERVED | {"TRUSTED_PROXIES": "all"}, "TRUSTED_PROXIES"),
    ],
)
def test_what_must_not_be_served_is_refused(project: BakedProject, env: dict[str, str], word: str) -> None:
    sentence = project.fails(project.python, "wsgi.py", **env)
    assert sentence.startswith("Error: ") and word in sentence


def test_a_file_of_settings_has_the_last_word(project: BakedProject, tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text(
        "SESSION_COOKIE_SECURE = False\nTRUSTED_HOSTS = ['10.0.0.1']\nCONTENT_SECURITY_POLICY = None\n"
    )
    env = SERVED | {"SETTINGS": str(path)}
    status, _, headers = probe(project, WSGI, env=env, base_url="http://10.0.0.1")
    assert status == 200 and "Secure" not in headers["set-cookie"]
    assert "content-security-policy" not in headers
    assert probe(project, WSGI, env=env)[0] == 400
