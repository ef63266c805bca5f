"""The database as the application sees it: `db`, names for constraints, how a connection is made."""

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

# postgres:// is what hosting companies hand out. PyMySQL is the MySQL driver with a wheel for everybody.
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}

# Every constraint gets a name, so that a later revision can change it on every engine.
db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
migrate = Migrate()  # lazy: a web worker loads neither Alembic nor Flask-Migrate


class _Table(db.Table):  # type: ignore[name-defined, misc]
    """`info={"bind_key": …}`, as Flask-SQLAlchemy 2 had it, names the database as `bind_key=` does."""

    def __new__(cls, *arguments: Any, bind_key: str | None = None, **options: Any) -> Any:
        said = (options.get("info") or {}).get("bind_key")
        return super().__new__(cls, *arguments, bind_key=bind_key or said, **options)


db.Table = _Table

# Of declarative bases beside db.Model: append Base.metadata, and its tables are migrated like the others.
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
    """Return a URL with a driver, and for SQLite with an absolute path (a relative one starts at `root`).

    Raises SetupError for anything that is no database URL; the message never holds the password.
    """
    # An @ in a password belongs into the URL as %40; we also take it as it is.
    if isinstance(text, str) and "://" in text:
        scheme, rest = text.strip().split("://", 1)
        login, at, host = rest.rpartition("@")
        text = f"{DRIVERS.get(scheme, scheme)}://{login.replace('@', '%40')}{at}{host}"
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
    """Wait for another program that writes, in seconds; `connect_args` in the settings wins."""
    options.setdefault("timeout", 10)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Foreign keys on, and a write-ahead log, with which readers and a writer do not stop each other.

    Foreign keys are off unless each connection asks: https://sqlite.org/foreignkeys.html#fk_enable
    The log is a property of the file: https://sqlite.org/wal.html#persistence_of_wal_mode
    """
    mode = getattr(connection, "autocommit", True)
    if mode is not True:  # Python 3.12 and later: False is a transaction, in which neither pragma works
        connection.autocommit = True
    patience = connection.execute("PRAGMA busy_timeout").fetchone()[0]
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA busy_timeout = 0")
    with suppress(sqlite3.DatabaseError):  # read-only, or in use: it goes on without, until next time
        connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA busy_timeout = {patience}")
    if mode is not True:
        connection.autocommit = mode
