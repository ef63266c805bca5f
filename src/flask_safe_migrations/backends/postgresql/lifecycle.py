"""Creates, empties, copies and replaces PostgreSQL databases."""

import re
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from .. import shadow_databases
from ..server import Server

# The first schema in the application's search_path has to exist: otherwise tables are created elsewhere.
# https://www.postgresql.org/docs/current/ddl-schemas.html#DDL-SCHEMAS-PATH
PATH_NAMES = re.compile(r'"((?:[^"]|"")*)"|([^,\s"]+)')
SCHEMA_EXISTS = text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
SCHEMA_IS_EMPTY = text(
    "SELECT NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(quote_ident(:name)))"
)
# DROP OWNED would also revoke the user's privileges on other databases. Objects late in this order may
# already have been dropped together with earlier ones.
OWNED_OBJECTS = text("""
    SELECT 'SCHEMA', quote_ident(nspname) FROM pg_namespace
        WHERE nspowner = current_user::regrole AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'public'
    UNION ALL
    SELECT 'EXTENSION', quote_ident(extname) FROM pg_extension WHERE extowner = current_user::regrole
        AND extname <> 'plpgsql'
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass::text
        FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relowner = current_user::regrole
        AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')  -- of an IDENTITY
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text FROM pg_type t
        WHERE typtype IN ('e', 'd', 'r') AND typowner = current_user::regrole
        AND typnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p
        WHERE proowner = current_user::regrole AND pronamespace = 'public'::regnamespace
""")
DISCONNECT = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:a, :b)")


def create_schema(connection: Connection) -> None:
    """Create the first schema in the search_path if it does not exist."""
    name = _first_schema(connection)
    if name and not connection.scalar(SCHEMA_EXISTS, {"name": name}):
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {quoted}")


def drop_empty_schema(connection: Connection) -> None:
    """Drop the empty schema of a new database before a snapshot, which creates its schemas, is loaded."""
    name = _first_schema(connection)
    if name and name != "public" and connection.scalar(SCHEMA_IS_EMPTY, {"name": name}):
        quoted = connection.dialect.identifier_preparer.quote_identifier(name)
        connection.exec_driver_sql(f"DROP SCHEMA IF EXISTS {quoted}")


def _first_schema(connection: Connection) -> str | None:
    """Return the first schema in the search_path, or None if it cannot be created: "$user" or pg_temp."""
    found = PATH_NAMES.search(str(connection.exec_driver_sql("SHOW search_path").scalar()))
    name = (found[2].lower() if found[2] else found[1].replace('""', '"')) if found else "$user"
    return None if name == "$user" or name.startswith("pg_") else name


def clear(connection: Connection) -> None:
    """Drop all that the user owns in this database, and nothing else."""
    for kind, name in connection.execute(OWNED_OBJECTS).all():
        connection.exec_driver_sql(f"DROP {kind} IF EXISTS {name} CASCADE")


def swap_names(database: Server, new: Server, old: Server) -> None:
    """Swap the names of the databases in one transaction."""
    existed = database.exists()
    with database.connect_to_maintenance() as connection:
        connection.execute(DISCONNECT, {"a": database.name, "b": new.name})
    with database.with_name(str(database.maintenance)).connect() as connection, connection.begin():
        names = [each.quoted(connection) for each in (database, new, old)]
        if existed:
            connection.exec_driver_sql(f"ALTER DATABASE {names[0]} RENAME TO {names[2]}")
        connection.exec_driver_sql(f"ALTER DATABASE {names[1]} RENAME TO {names[0]}")


def store_template(shadow: Server, key: str) -> None:
    """Keep the content of a shadow database as a template database, and remove the oldest ones.

    https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
    """
    if shadow.is_given:
        return
    with suppress(DBAPIError):  # another command has just created it
        copy_database(shadow, _template(shadow, key))
        for name in _template_names(shadow)[: -shadow_databases.KEPT]:
            shadow.with_name(name).drop()


def load_template(shadow: Server, keys: Sequence[str]) -> str | None:
    """Create the shadow database, or create it again, from the first of these templates that exists."""
    there = set() if shadow.is_given else set(_template_names(shadow))
    key = next((key for key in keys if _template(shadow, key).name in there), None)
    if key:
        if not shadow.is_reserved:
            shadow.drop()
        try:
            copy_database(_template(shadow, key), shadow)
        except DBAPIError:  # another command has just dropped it
            shadow.is_reserved, key = True, None
        else:
            shadow.is_reserved = False
    if shadow.is_reserved:
        shadow_databases.create_reserved(shadow)
    return key


def copy_database(source: Server, target: Server) -> None:
    """Create `target` as a copy of `source`, which no other session may use."""
    source.disconnect()
    with source.connect_to_maintenance() as connection:
        names = target.quoted(connection), source.quoted(connection)
        connection.exec_driver_sql("CREATE DATABASE {} TEMPLATE {}".format(*names))


def _template_prefix(shadow: Server) -> str:
    return f"{shadow.name.rpartition('_shadow')[0]}_kept_"


def _template(shadow: Server, key: str) -> Server:
    return shadow.with_name(f"{_template_prefix(shadow)}{key[:16]}")


def _template_names(shadow: Server) -> list[str]:
    """Return the names of the templates, oldest first."""
    with shadow.connect_to_maintenance() as connection:
        names = connection.scalars(text(shadow.list_query)).all()
    ours = re.compile(rf"{re.escape(_template_prefix(shadow))}[0-9a-f]{{16}}")
    return [name for name in names if ours.fullmatch(name)]
