"""The first schema in the application's search_path: without it, tables would be created elsewhere.

https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATH
"""

import re
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

if TYPE_CHECKING:
    from ..server import Server

NAMES = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')
EXISTS = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
IS_EMPTY = text(
    "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(:name)))"
)


def make_schema(database: "Server") -> None:
    """Create the first schema in the search_path if it does not exist."""
    with database.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
        name = _first(connection)
        if name and not connection.scalar(EXISTS, {"name": name}):
            quoted = connection.dialect.identifier_preparer.quote_identifier(name)
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")


def drop_empty_schema(database: "Server") -> None:
    """Drop the empty schema of a new database before a snapshot, which creates its schemas, is loaded."""
    with database.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
        name = _first(connection)
        if name and name != "public" and connection.scalar(IS_EMPTY, {"name": name}):
            quoted = connection.dialect.identifier_preparer.quote_identifier(name)
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted}")


def _first(connection: Connection) -> str | None:
    """Return the first schema in the search_path, or None if that is "$user", which is the default."""
    found = NAMES.search(str(connection.exec_driver_sql("SHOW search_path").scalar()))
    if found is None or found[1] == "$user":
        return None
    return found[2] or found[1].replace('""', '"')
