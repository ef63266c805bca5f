"""Finds constraints without a name of their own: no later revision could drop or change them everywhere."""

import warnings
from collections.abc import Iterator

from sqlalchemy import Connection, MetaData, inspect
from sqlalchemy.exc import SAWarning

from ..backends.generated_names import is_generated_name


def unnamed(connection: Connection, metadata: MetaData, ignoring: frozenset[str]) -> list[str]:
    """Say which constraints of a database have no name, or one that the server has made up."""
    known = {str(constraint.name) for table in metadata.tables.values() for constraint in table.constraints}
    dialect = connection.dialect.name
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        for table, kind, name, columns in _constraints(connection, ignoring):
            if kind == "primary key" and _is_autoincrement(metadata, table):
                continue  # SQLite takes AUTOINCREMENT only behind a column, where SQLAlchemy writes no name
            if name is None or (is_generated_name(dialect, table, name) and name not in known):
                found.append(f"the {kind} of {table} ({', '.join(columns)}) has no name")
    return found


def _constraints(
    connection: Connection, ignoring: frozenset[str]
) -> Iterator[tuple[str, str, str | None, list[str]]]:
    inspector = inspect(connection)
    for table in inspector.get_table_names():
        if table in ignoring:
            continue
        key = inspector.get_pk_constraint(table)
        if key["constrained_columns"]:
            yield table, "primary key", key["name"] or _implied(connection), key["constrained_columns"]
        for foreign in inspector.get_foreign_keys(table):
            yield table, "foreign key", foreign["name"], foreign["constrained_columns"]
        for unique in inspector.get_unique_constraints(table):
            yield table, "unique constraint", unique["name"], unique["column_names"]
        for check in inspector.get_check_constraints(table):
            yield table, "check", check["name"], [check["sqltext"]]


def _implied(connection: Connection) -> str | None:
    """On MySQL every primary key is called PRIMARY."""
    return "PRIMARY" if connection.dialect.name in {"mysql", "mariadb"} else None


def _is_autoincrement(metadata: MetaData, table: str) -> bool:
    return table in metadata.tables and bool(
        metadata.tables[table].dialect_options["sqlite"]["autoincrement"]
    )
