"""DATABASE_URL as people write it: an @ may stand unescaped in a password, and in the query."""

from pathlib import Path

import pytest

from flask_safe_migrations import urls


def parse_url(text):
    return urls.parse_url(text, Path("/project"))


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
def test_smaller_an_at_sign_in_a_url(text, host, password):
    url = parse_url(text)
    assert (url.username, url.password, url.host, url.database) == ("u", password, host, "name")


def test_smaller_an_at_sign_in_a_query_without_a_login():
    url = parse_url("postgresql://host/name?application_name=app@web")
    assert (url.host, url.database, url.query["application_name"]) == ("host", "name", "app@web")


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("postgresql+asyncpg://u:secret@host/name", "postgresql://"),
        ("mariadb+aiomysql://u:secret@host/name", "mariadb://"),
        ("sqlite+aiosqlite:///instance/app.db", "sqlite://"),
    ],
)
def test_smaller_an_asyncio_driver_is_refused_whether_or_not_it_is_installed(text, instead):
    with pytest.raises(Exception, match="DATABASE_URL names an asyncio driver") as caught:
        parse_url(text)
    assert f"use {instead}" in str(caught.value)
    assert "secret" not in str(caught.value)
