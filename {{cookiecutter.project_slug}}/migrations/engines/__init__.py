"""What differs between database engines, one file each, behind the interface in base.py."""

from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import URL

from . import mariadb_alter as _mariadb_alter  # noqa: F401  (these two register themselves with Alembic)
from . import sqlite_alter as _sqlite_alter  # noqa: F401
from .base import Database
from .mariadb import MariaDB
from .postgresql import PostgreSQL
from .sqlite import SQLite

ROOT = Path(__file__).resolve().parent.parent.parent

_BY_BACKEND: dict[str, type[Database]] = {
    "sqlite": SQLite,
    "postgresql": PostgreSQL,
    "mysql": MariaDB,
    "mariadb": MariaDB,
}


def of(url: URL, connect_args: dict[str, Any] | None = None) -> Database:
    """Return the database at `url`; raises LookupError for an engine there is no file for."""
    backend = url.get_backend_name()
    if backend not in _BY_BACKEND:
        raise LookupError(f"migrations/engines has no file for {backend}: it knows {', '.join(_BY_BACKEND)}.")
    return _BY_BACKEND[backend](url, connect_args or {})


def configured(bind: str | None = None) -> Database:
    """Return a database of the current application, by the way that migrations are to take."""
    if (direct := current_app.config.get("MIGRATION_DATABASE_URL")) and bind is None:
        return of(direct)
    engine = current_app.extensions["migrate"].db.engines[bind]
    if bind is None:
        options = current_app.config.get("SQLALCHEMY_ENGINE_OPTIONS", {})
    else:
        options = current_app.config["SQLALCHEMY_BINDS"][bind]
    database = of(engine.url, options.get("connect_args") if isinstance(options, dict) else None)
    database.bind = bind
    if current_app.testing:
        database.live_in(engine)
    return database
