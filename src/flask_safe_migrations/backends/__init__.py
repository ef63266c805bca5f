"""The supported database engines, one package each, behind the interface in base.py."""

from importlib import import_module
from typing import Any

from sqlalchemy import URL, make_url

from .. import settings
from ..errors import MigrationError
from .base import Database
from .drivers import refuse_unsupported

# Package and class of each engine. Most applications use one of them, and each import takes its time.
_BY_BACKEND = {
    "sqlite": ("sqlite", "SQLite"),
    "postgresql": ("postgresql", "PostgreSQL"),
    "mysql": ("mysql", "MariaDB"),
    "mariadb": ("mysql", "MariaDB"),
}

# The keys for server, database and user: with a pooler they differ from those of the server.
ADDRESS = frozenset(
    {"database", "db", "dbname", "host", "hostaddr", "passfile", "passwd", "password", "port", "service"}
    | {"target_session_attrs", "unix_socket", "user", "username"}
)


def of(url: URL | str, connect_args: dict[str, Any] | None = None) -> Database:
    """Return the database at `url`; raises MigrationError for an engine or a driver that is not supported."""
    url = make_url(url)
    refuse_unsupported(url)
    package, name = _BY_BACKEND[url.get_backend_name()]
    engine: type[Database] = getattr(import_module(f".{package}", __name__), name)
    return engine(url, connect_args or {})


def configured(bind: str | None = None) -> Database:
    """Return a database of the current application, with the connection that migrations must use."""
    current = settings.active()
    options = dict(current.migration_engine_options)
    more_args = options.pop("connect_args", {})
    engine = current.db.engines[bind]
    connect_args = {**(current.engine_options[bind].get("connect_args") or {}), **more_args}
    if current.migration_url and bind is None:
        database = of(*_direct(current.migration_url, engine.url, connect_args))
    else:
        database = of(engine.url, connect_args)
    database.bind, database.engine_options = bind, options
    if bind is not None:
        database.setting = f"SQLALCHEMY_BINDS[{bind!r}]"
    elif current.migration_url:
        database.setting = "MIGRATION_DATABASE_URL"
    if not (database.url.database or database.url.get_backend_name() == "sqlite"):
        raise MigrationError(f"{database.setting} names a server but no database: add /name at its end.")
    database.store_versions_in(current.version_table, current.version_table_schema)
    if current.testing and not (current.migration_url and bind is None):
        database.use_engine(engine)
    return database


def _direct(url: URL, usual: URL, connect_args: dict[str, Any]) -> tuple[URL, dict[str, Any]]:
    """Return MIGRATION_DATABASE_URL with the application's other settings, such as a search_path.

    Settings in that URL take precedence. Server address and credentials are taken from it alone.
    """
    kept = {name: value for name, value in connect_args.items() if name not in {*ADDRESS, *url.query}}
    if url.get_backend_name() != usual.get_backend_name():
        return url, kept
    more = {name: value for name, value in usual.query.items() if name not in {*ADDRESS, *url.query, *kept}}
    return url.update_query_dict(more), kept
