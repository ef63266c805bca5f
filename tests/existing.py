"""Databases that others have made: SQL of their own, run past all code of the project."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pymysql
from project import BakedProject
from pymysql.constants import CLIENT

SCHEMAS = Path(__file__).parent / "schemas"
OURS = {"alembic_version", "migration_marker", "migration_applied", "migration_journal", "migration_lock"}


def make(project: BakedProject, sql: str) -> None:
    """Make the project's database again from scratch, with these statements."""
    parts = urlsplit(project.url)
    name = parts.path[1:]
    if parts.scheme == "sqlite":
        path = Path(project.url.removeprefix("sqlite:///"))
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(sql)
    elif parts.scheme == "postgresql":
        with psycopg.connect(project.url.replace(f"/{name}", "/postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(project.url, autocommit=True) as connection:
            connection.execute(sql)
    else:
        login = {"host": parts.hostname, "port": parts.port, "user": parts.username}
        with pymysql.connect(**login, autocommit=True, client_flag=CLIENT.MULTI_STATEMENTS) as connection:
            cursor = connection.cursor()
            begin = (
                f"DROP DATABASE IF EXISTS {name}; CREATE DATABASE {name} CHARACTER SET utf8mb4; USE {name};"
            )
            cursor.execute(begin + sql)
            while cursor.nextset():
                pass


def rows(project: BakedProject) -> dict[str, list[tuple]]:
    """Return all rows of all tables, sorted, by table."""
    scheme = urlsplit(project.url).scheme
    if scheme == "sqlite":
        tables = "SELECT name, name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        quote = '"{}"'.format
    elif scheme == "postgresql":
        tables = (
            "SELECT table_name, quote_ident(table_schema) || '.' || quote_ident(table_name) "
            "FROM information_schema.tables WHERE table_type = 'BASE TABLE' "
            "AND table_schema NOT IN ('pg_catalog', 'information_schema')"
        )
        quote = str
    else:
        tables = (
            "SELECT table_name, table_name FROM information_schema.tables "
            "WHERE table_schema = database() AND table_type = 'BASE TABLE'"
        )
        quote = "`{}`".format
    places = {name: place for name, place in project.sql(tables) if name not in OURS}
    return {
        name: sorted(project.sql(f"SELECT * FROM {quote(place)}"), key=repr) for name, place in places.items()
    }
