"""The schema that the application's search_path names first: without it tables would land in another one.

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
    """Make the schema where the search_path names one that does not exist."""
    with database.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
        name = _first(connection)
        if name and not connection.scalar(EXISTS, {"name": name}):
            quoted = connection.dialect.identifier_preparer.quote_identifier(name)
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")


def drop_empty_schema(database: "Server") -> None:
    """Before a snapshot is loaded into a new database: it brings its schemas along."""
    with database.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
        name = _first(connection)
        if name and name != "public" and connection.scalar(IS_EMPTY, {"name": name}):
            quoted = connection.dialect.identifier_preparer.quote_identifier(name)
            connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted}")


def _first(connection: Connection) -> str | None:
    """Return the schema that the search_path names first; None where that is "$user", as by default."""
    found = NAMES.search(str(connection.exec_driver_sql("SHOW search_path").scalar()))
    if found is None or found[1] == "$user":
        return None
    return found[2] or found[1].replace('""', '"')
