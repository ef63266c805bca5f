"""The database: `db`, the names of constraints, and the options of connections."""

import sqlite3
from contextlib import suppress
from typing import Any

from flask import Flask
from flask_safe_migrations import NAMING_CONVENTION, Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import MetaData, event

from .errors import SetupError

# Every constraint gets a name, so that a later revision can change it on every engine.
db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
migrate = Migrate(pending_page=True)  # a web worker loads neither Alembic nor Flask-Migrate


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
