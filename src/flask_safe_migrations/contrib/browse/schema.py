"""The schema of a table in words, as the database reports it."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DefaultClause,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Table,
    UniqueConstraint,
)
from sqlalchemy.exc import CompileError


def columns(table: Table, dialect: Dialect) -> list[tuple[str, str, str, str]]:
    """Return name, type, NOT NULL or nothing, and the default of each column."""
    return [
        (column.name, _type(column, dialect), "" if column.nullable else "NOT NULL", _default(column))
        for column in table.columns
    ]


def constraints(table: Table) -> list[str]:
    """Return keys, constraints and indexes, one in a line."""
    told = []
    if table.primary_key:
        told.append(f"PRIMARY KEY ({_names(table.primary_key.columns)})")
    for constraint in table.constraints:
        name = f" {constraint.name}" if constraint.name else ""
        if isinstance(constraint, ForeignKeyConstraint):
            target = ", ".join(element.target_fullname for element in constraint.elements)
            rule = f" ON DELETE {constraint.ondelete}" if constraint.ondelete else ""
            told.append(f"FOREIGN KEY{name} ({_names(constraint.columns)}) → {target}{rule}")
        elif isinstance(constraint, UniqueConstraint):
            told.append(f"UNIQUE{name} ({_names(constraint.columns)})")
        elif isinstance(constraint, CheckConstraint):
            told.append(f"CHECK{name} ({constraint.sqltext})")
    for index in table.indexes:
        unique = "UNIQUE " if index.unique else ""
        told.append(f"{unique}INDEX {index.name} ({', '.join(map(str, _expressions(index)))})")
    return sorted(told)


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
