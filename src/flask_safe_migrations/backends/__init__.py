"""What differs between database engines, one file each, behind the interface in base.py."""

from typing import Any

from sqlalchemy import URL, make_url

from .. import settings
from .base import Database
from .drivers import refuse_unsupported
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


def of(url: URL | str, connect_args: dict[str, Any] | None = None) -> Database:
    """Return the database at `url`; raises MigrationError for an engine or a driver that is not supported."""
    url = make_url(url)
    refuse_unsupported(url)
    return _BY_BACKEND[url.get_backend_name()](url, connect_args or {})


def configured(bind: str | None = None) -> Database:
    """Return a database of the current application, by the way that migrations are to take."""
    current = settings.active()
    options = dict(current.migration_engine_options)
    more_args = options.pop("connect_args", {})
    if current.migration_url and bind is None:
        database = of(current.migration_url, more_args)
        database.engine_options = options
        database.store_versions_in(current.version_table, current.version_table_schema)
        return database
    engine = current.db.engines[bind]
    given = current.engine_options[bind].get("connect_args") or {}
    database = of(engine.url, {**given, **more_args})
    database.bind, database.engine_options = bind, options
    database.store_versions_in(current.version_table, current.version_table_schema)
    if current.testing:
        database.live_in(engine)
    return database
