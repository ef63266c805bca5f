"""Reflects the tables and views of a database: a mapped class for Flask-Admin, and the schema in words."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DefaultClause,
    Dialect,
    Engine,
    ForeignKeyConstraint,
    FromClause,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
    func,
    inspect,
    select,
)
from sqlalchemy.exc import CompileError, SAWarning
from sqlalchemy.orm import registry


@dataclass(frozen=True)
class MappedTable:
    """A table and its mapped class."""

    table: Table
    model: Any
    # Attribute of the model → name of the column: `query` and others are no names for attributes.
    labels: dict[str, str]
    has_key: bool


def schema_state(engine: Engine, versions: Table) -> tuple[Any, ...]:
    """Return a value that changes when revisions are applied; `versions` is Alembic's version table."""
    with engine.connect() as connection:
        names = sorted(inspect(connection).get_table_names())
        if not inspect(connection).has_table(versions.name, versions.schema):
            return (names,)
        return names, connection.scalars(select(versions.c.version_num)).all()


def map_tables(engine: Engine, schemas: Iterable[str | None]) -> list[MappedTable]:
    """Map the tables that the database has, which may differ from the models."""
    metadata = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # about types that SQLAlchemy does not know
        for schema in schemas:
            metadata.reflect(engine, schema=schema, views=True, resolve_fks=False)
    return [_map_table(number, table) for number, (_, table) in enumerate(sorted(metadata.tables.items()))]


def _map_table(number: int, table: Table) -> MappedTable:
    key: list[Any] = list(table.primary_key)
    source: FromClause = table
    if not key:  # for example a view: the ORM requires a key, so the rows are numbered
        row = func.row_number().over().label("row number")
        source = select(row, *table.columns).subquery()
        key = [next(iter(source.columns))]
    columns = {f"column_{index}": column for index, column in enumerate(source.columns)}
    model = type(f"Table{number}", (), {})
    registry().map_imperatively(model, source, properties=columns, primary_key=key)
    labels = {name: str(column.name) for name, column in columns.items()}
    return MappedTable(table, model, labels, has_key=source is table)


def describe_columns(table: Table, dialect: Dialect) -> list[tuple[str, str, str, str]]:
    """Return the name, the type, NOT NULL or an empty string, and the default of each column."""
    return [
        (column.name, _type(column, dialect), "" if column.nullable else "NOT NULL", _default(column))
        for column in table.columns
    ]


def describe_constraints(table: Table) -> list[str]:
    """Return one line for each key, constraint and index."""
    lines = []
    if table.primary_key:
        lines.append(f"PRIMARY KEY ({_names(table.primary_key.columns)})")
    for constraint in table.constraints:
        name = f" {constraint.name}" if constraint.name else ""
        if isinstance(constraint, ForeignKeyConstraint):
            target = ", ".join(element.target_fullname for element in constraint.elements)
            rule = f" ON DELETE {constraint.ondelete}" if constraint.ondelete else ""
            lines.append(f"FOREIGN KEY{name} ({_names(constraint.columns)}) → {target}{rule}")
        elif isinstance(constraint, UniqueConstraint):
            lines.append(f"UNIQUE{name} ({_names(constraint.columns)})")
        elif isinstance(constraint, CheckConstraint):
            lines.append(f"CHECK{name} ({constraint.sqltext})")
    for index in table.indexes:
        unique = "UNIQUE " if index.unique else ""
        lines.append(f"{unique}INDEX {index.name} ({', '.join(map(str, _expressions(index)))})")
    return sorted(lines)


def _expressions(index: Index) -> list[object]:
    return [getattr(expression, "name", expression) for expression in index.expressions]


def _names(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(column.name for column in columns)


def _type(column: Column[Any], dialect: Dialect) -> str:
    try:
        return column.type.compile(dialect)
    except CompileError:  # a type that SQLAlchemy does not know
        return "?"


def _default(column: Column[Any]) -> str:
    if column.computed:
        return f"GENERATED ALWAYS AS ({column.computed.sqltext})"
    return f"DEFAULT {column.server_default.arg}" if isinstance(column.server_default, DefaultClause) else ""
