"""What differs between database engines, one file each, behind the interface in base.py."""

from typing import Any

from sqlalchemy import URL

from .. import settings
from .base import Database
from .mysql import MariaDB
from .mysql import impl as _mariadb_alter  # noqa: F401  (these two register themselves with Alembic)
from .postgresql import PostgreSQL
from .sqlite import SQLite
from .sqlite import impl as _sqlite_alter  # noqa: F401

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
    current = settings.active()
    if current.migration_url and bind is None:
        database = of(current.migration_url)
        database.store_versions_in(current.version_table, current.version_table_schema)
        return database
    engine = current.db.engines[bind]
    database = of(engine.url, current.engine_options[bind].get("connect_args"))
    database.bind = bind
    database.store_versions_in(current.version_table, current.version_table_schema)
    if current.testing:
        database.live_in(engine)
    return database
