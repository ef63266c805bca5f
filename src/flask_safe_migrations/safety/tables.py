"""Which table an operation is about, and what it looks like in the database."""

import warnings

import sqlalchemy as sa
from alembic.operations.ops import MigrateOperation
from sqlalchemy.exc import NoSuchTableError


def reflect(connection: sa.Connection, operation: MigrateOperation) -> sa.Table | None:
    """Return the table that an operation is about, as it is in the database now."""
    name, schema = table_of(operation)
    if name is None:
        return None
    with warnings.catch_warnings():  # of types and indexes that SQLAlchemy does not know
        warnings.simplefilter("ignore")
        try:
            return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
        except NoSuchTableError:
            return None


def table_of(operation: MigrateOperation) -> tuple[str | None, str | None]:
    """Return name and schema of the table that an operation is about."""
    table = getattr(operation, "table", None)  # of a bulk insert
    if isinstance(table, sa.Table | sa.TableClause):
        return table.name, table.schema
    name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    options = getattr(operation, "kw", None) or {}
    return name, getattr(operation, "schema", None) or options.get("source_schema")
