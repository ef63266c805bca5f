"""DATABASE_URL in a generated project: an @ may stand unescaped in a password, and in the query."""

import importlib
import sys
import types

import pytest


@pytest.fixture
def parse_url(render, monkeypatch):
    """The function of a generated project, whose package is not imported: it needs python-dotenv."""
    project = render()
    package = types.ModuleType("url_project")
    package.__path__ = [str(project.path / project.package)]
    monkeypatch.setitem(sys.modules, "url_project", package)
    module = importlib.import_module("url_project.database")
    yield lambda text: module.parse_url(text, project.path)
    for name in ("url_project.database", "url_project.errors"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("text", "host", "password"),
    [
        ("postgresql://u:p@host/name", "host", "p"),
        ("postgresql://u:p%40q@host/name", "host", "p@q"),
        ("postgresql://u:p@q@host/name", "host", "p@q"),
        ("postgresql://u:p?q@host/name", "host", "p?q"),
        ("postgresql://u:p@q?r@host/name?a=b@c", "host", "p@q?r"),
        ("postgresql://u:p@host/name?application_name=app@web", "host", "p"),
        ("postgresql://u:p@q@host/name?application_name=app@web", "host", "p@q"),
        ("mariadb://u:p@host/name?init_command=SET @a=1", "host", "p"),
    ],
)
def test_smaller_an_at_sign_in_a_url(parse_url, text, host, password):
    url = parse_url(text)
    assert (url.username, url.password, url.host, url.database) == ("u", password, host, "name")


def test_smaller_an_at_sign_in_a_query_without_a_login(parse_url):
    url = parse_url("postgresql://host/name?application_name=app@web")
    assert (url.host, url.database, url.query["application_name"]) == ("host", "name", "app@web")
