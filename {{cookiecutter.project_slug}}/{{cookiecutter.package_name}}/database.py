"""The database: `db`, the names of constraints, and the options of connections."""

import re
import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask
from flask_safe_migrations import NAMING_CONVENTION, Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import URL, MetaData, event, make_url
from sqlalchemy.exc import ArgumentError

from .errors import SetupError

# Hosting companies use postgres://. PyMySQL is the MySQL driver with a wheel for all platforms.
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# The query of a URL, behind a host or a path: a ? may also stand in a password.
QUERY = re.compile(r"(?<=[@/])[^?@]*(\?[\w.-]+=[^?]*)$")

# Every constraint gets a name, so that a later revision can change it on every engine.
db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
migrate = Migrate()  # a web worker loads neither Alembic nor Flask-Migrate


class _Table(db.Table):  # type: ignore[name-defined, misc]
    """Accept `info={"bind_key": …}` for `bind_key=`, as in Flask-SQLAlchemy 2."""

    def __new__(cls, *arguments: Any, bind_key: str | None = None, **options: Any) -> Any:
        declared = (options.get("info") or {}).get("bind_key")
        return super().__new__(cls, *arguments, bind_key=bind_key or declared, **options)


db.Table = _Table

# The metadata of declarative bases other than db.Model: append Base.metadata to migrate its tables.
# Base.metadata = MetaData(naming_convention=NAMING_CONVENTION), for a bind also with info={"bind_key": …}.
more_metadata: list[MetaData] = []


def init_app(app: Flask) -> None:
    app.extensions["more_metadata"] = more_metadata
    try:
        db.init_app(app)
    except ModuleNotFoundError as error:
        raise SetupError(f"The database driver {error.name} is missing: uv add {error.name}.") from error
    migrate.init_app(app, db)
    with app.app_context():
        for engine in db.engines.values():
            if engine.dialect.name == "sqlite":
                event.listen(engine, "do_connect", _be_patient)
                event.listen(engine, "connect", _prepare_sqlite)


def parse_url(text: str | URL, root: Path, setting: str = "DATABASE_URL") -> URL:
    """Return a URL with a driver. A relative SQLite path becomes absolute, starting at `root`.

    Raise SetupError if it is not a database URL. The message never contains the password.
    """
    # An @ in a password has to be written as %40 in a URL. It is accepted unescaped, too.
    if isinstance(text, str) and "://" in text:
        scheme, rest = text.strip().split("://", 1)
        found = QUERY.search(rest)
        address, query = (rest[: found.start(1)], found[1]) if found else (rest, "")
        login, at, host = address.rpartition("@")
        text = f"{DRIVERS.get(scheme, scheme)}://{login.replace('@', '%40')}{at}{host}{query}"
    try:
        url = make_url(text)
        dialect = url.get_dialect().name
    except (ArgumentError, ValueError, ModuleNotFoundError) as error:
        raise SetupError(
            f"{setting} is no database URL: it looks like sqlite:///instance/app.db, "
            "postgresql://user:password@host/name or mariadb://user:password@host/name."
        ) from error
    if dialect == "sqlite" and url.database and not url.database.startswith((":memory:", "file:")):
        url = url.set(database=str(root / url.database))
    elif dialect != "sqlite" and not url.database:
        raise SetupError(f"{setting} names a server but no database: add /name at its end.")
    return url


def _be_patient(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
    """Set how long to wait for a lock, in seconds. `connect_args` in the settings take precedence."""
    options.setdefault("timeout", 10)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Enable foreign keys, and the write-ahead log, which lets readers and a writer work concurrently.

    Foreign keys are off by default in each connection: https://sqlite.org/foreignkeys.html#fk_enable
    The log is a property of the file: https://sqlite.org/wal.html#persistence_of_wal_mode
    """
    mode = getattr(connection, "autocommit", True)
    if mode is not True:  # Python 3.12 and later: False opens a transaction, where neither pragma works
        connection.autocommit = True
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.DatabaseError):  # read-only or in use: the next connection tries again
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    if mode is not True:
        connection.autocommit = mode
