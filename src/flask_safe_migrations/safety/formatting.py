"""How tables, columns, types and SQL are written in a sentence."""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from .tables import table_of


def table_name(operation: Any) -> str:
    name, schema = table_of(operation)
    return f"{schema}.{name}" if schema else str(name)


def type_name(kind: Any, dialect: sa.Dialect | None) -> str:
    """Return a type as the engine writes it, or as Python does where it has no word for it."""
    try:
        return str(sa.types.to_instance(kind).compile(dialect=dialect))
    except Exception:  # noqa: BLE001 - a type of another package or engine
        return str(kind)


def plain_sql(clause: Any, dialect: sa.Dialect | None) -> str:
    """Return SQL in one line, with its values in place where they can be."""
    if isinstance(clause, str):
        return " ".join(clause.split())
    try:
        text = str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except Exception:  # noqa: BLE001 - a value that has no literal
        text = str(clause)
    return " ".join(text.split())


def names(columns: Iterable[Any]) -> str:
    return ", ".join(str(getattr(column, "name", None) or column) for column in columns)


def on(table: str | None) -> str:
    return f" on {table}" if table else ""


def called(name: Any) -> str:
    return f" {name}" if name else ""


def spelled_default(default: Any, dialect: sa.Dialect | None) -> str:
    default = getattr(default, "arg", default)
    return repr(default) if isinstance(default, str) else plain_sql(default, dialect)


def spelled_column(column: sa.Column[Any], dialect: sa.Dialect | None) -> str:
    said = [type_name(column.type, dialect), "nullable" if column.nullable else "required"]
    if column.computed is not None:
        said.append(f"computed as {plain_sql(column.computed.sqltext, dialect)}")
    elif column.identity is not None:
        said.append("numbered by the database")
    elif column.server_default is not None:
        said.append(f"default {spelled_default(column.server_default, dialect)}")
    said += [f"refers to {key._get_colspec()}" for key in column.foreign_keys]
    return ", ".join(said)
