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

# Which server, which database and which user: a pooler's are others than the server's.
ADDRESS = frozenset(
    {"database", "db", "dbname", "host", "hostaddr", "passfile", "passwd", "password", "port", "service"}
    | {"target_session_attrs", "unix_socket", "user", "username"}
)


def of(url: URL, connect_args: dict[str, Any] | None = None) -> Database:
    """Return the database at `url`; raises LookupError for an engine there is no file for."""
    backend = url.get_backend_name()
    if backend not in _BY_BACKEND:
        raise LookupError(f"There is no support for {backend}: use one of {', '.join(_BY_BACKEND)}.")
    return _BY_BACKEND[backend](url, connect_args or {})


def configured(bind: str | None = None) -> Database:
    """Return a database of the current application, by the way that migrations are to take."""
    current = settings.active()
    engine = current.db.engines[bind]
    connect_args = current.engine_options[bind].get("connect_args") or {}
    if current.migration_url and bind is None:
        database = of(*_direct(current.migration_url, engine.url, connect_args))
        database.store_versions_in(current.version_table, current.version_table_schema)
        return database
    database = of(engine.url, connect_args)
    database.bind = bind
    database.store_versions_in(current.version_table, current.version_table_schema)
    if current.testing:
        database.use_engine(engine)
    return database


def _direct(url: URL, usual: URL, connect_args: dict[str, Any]) -> tuple[URL, dict[str, Any]]:
    """Return MIGRATION_DATABASE_URL with what else the application's connection has, such as a search_path.

    What the URL itself says wins, and all that says where the server is and who connects is left to it.
    """
    kept = {name: value for name, value in connect_args.items() if name not in {*ADDRESS, *url.query}}
    if url.get_backend_name() != usual.get_backend_name():
        return url, kept
    more = {name: value for name, value in usual.query.items() if name not in {*ADDRESS, *url.query, *kept}}
    return url.update_query_dict(more), kept
