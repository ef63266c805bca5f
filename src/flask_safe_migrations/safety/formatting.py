"""Formats tables, columns, types and SQL for a sentence."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from .. import _compat
from .recorder import get_table_name


def format_table_name(operation: Any) -> str:
    name, schema = get_table_name(operation)
    return f"{schema}.{name}" if schema else str(name)


def format_type(type_: Any, dialect: sa.Dialect | None) -> str:
    """Return a type as the engine writes it, or as Python does where the engine does not know it."""
    try:
        return str(sa.types.to_instance(type_).compile(dialect=dialect))
    except Exception:  # noqa: BLE001 - a type of another package or engine
        return str(type_)


def format_sql(clause: Any, dialect: sa.Dialect | None) -> str:
    """Return SQL in one line, with literal values where possible."""
    if isinstance(clause, str):
        return " ".join(clause.split())
    try:
        text = str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except Exception:  # noqa: BLE001 - a value that has no literal
        text = str(clause)
    return " ".join(text.split())


def join_names(columns: Iterable[Any]) -> str:
    return ", ".join(str(getattr(column, "name", None) or column) for column in columns)


def table_suffix(table: str | None) -> str:
    return f" on {table}" if table else ""


def name_suffix(name: Any) -> str:
    return f" {name}" if name else ""


def format_default(default: Any, dialect: sa.Dialect | None) -> str:
    default = getattr(default, "arg", default)
    return repr(default) if isinstance(default, str) else format_sql(default, dialect)


def format_column(column: sa.Column[Any], dialect: sa.Dialect | None) -> str:
    parts = [format_type(column.type, dialect), "nullable" if column.nullable else "required"]
    if column.computed is not None:
        parts.append(f"computed as {format_sql(column.computed.sqltext, dialect)}")
    elif column.identity is not None:
        parts.append("numbered by the database")
    elif column.server_default is not None:
        parts.append(f"default {format_default(column.server_default, dialect)}")
    parts += [f"refers to {_compat.referenced_column(key)}" for key in column.foreign_keys]
    return ", ".join(parts)
