"""Describes the content of a database: tables to compare and report, and the SQL of all other objects."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import SAWarning

KINDS = ("foreign_keys", "unique_constraints", "check_constraints", "indexes")


@dataclass(frozen=True)
class Definition:
    """The definition of a table, view, type or sequence.

    Two definitions with the same text are equal. Otherwise their parts are compared.
    """

    text: str
    parts: Callable[[], dict[str, str]] = field(compare=False)


def known(parts: dict[str, str]) -> Callable[[], dict[str, str]]:
    """Return a function for `Definition` that returns parts which have been read already."""
    return lambda: parts


Schema = dict[str, Definition]
# The schema, None where a statement need not name it, and the name.
TableName = tuple[str | None, str]


def qualify(table: TableName) -> str:
    """Return the name with its schema, as in the keys of `MetaData.tables`."""
    return ".".join(filter(None, table))


def target_table(key: ForeignKey) -> TableName:
    """Return the table that a foreign key refers to, which need not exist."""
    schema, table, _column = key.target_tokens
    return schema, table


@dataclass(frozen=True)
class SchemaObject:
    """A view, trigger, function, extension or the like."""

    kind: str
    name: str
    create: tuple[str, ...]
    drop: str
    # Whether tables depend on it, so that it must be created before them.
    early: bool = False


def reflect_tables(inspector: Inspector) -> dict[str, dict[str, str]]:
    """Return the parts of each table in the default schema, as SQLAlchemy reflects them."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # types that SQLAlchemy does not know are compared as text
        for (_, table), columns in inspector.get_multi_columns().items():
            for column in columns:
                parts = [
                    column["type"].compile(inspector.dialect),
                    "NULL" if column["nullable"] else "NOT NULL",
                ]
                parts += [f"{key} {column.get(key)}" for key in ("default", "computed") if column.get(key)]
                found[table][f"column {table}.{column['name']}"] = ", ".join(parts)
        for (_, table), key in inspector.get_multi_pk_constraint().items():
            if key and key["constrained_columns"]:
                found[table][f"primary key of {table}"] = _describe(key)
        for kind in KINDS:
            word = {"indexes": "index"}.get(kind, kind[:-1].replace("_", " "))
            for (_, table), things in getattr(inspector, f"get_multi_{kind}")().items():
                for thing in things:
                    # A constraint without a name is identified by its definition.
                    found[table][f"{word} {table}.{thing['name'] or _describe(thing)}"] = _describe(thing)
    return found


def differences(before: Schema, after: Schema) -> list[str]:
    """Return a readable list of the differences."""
    found = _missing_and_left_over(before, after)
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            old, new = before[name].parts(), after[name].parts()
            found += _missing_and_left_over(old, new)
            both = sorted(old.keys() & new.keys())
            found += [f"{part} was {old[part]}, is {new[part]}" for part in both if old[part] != new[part]]
    return found


def _missing_and_left_over(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    missing = [f"{name} is missing" for name in sorted(before.keys() - after.keys())]
    return missing + [f"{name} is left over" for name in sorted(after.keys() - before.keys())]


def schema_names(inspector: Inspector) -> list[str | None]:
    """Return the application's schemas: the default one, and on PostgreSQL all except the system schemas."""
    if inspector.dialect.name != "postgresql":
        return [inspector.default_schema_name]
    return [name for name in inspector.get_schema_names() if name != "information_schema"]


def _describe(found: Any) -> str:
    """Return everything that was reflected, without empty options."""
    options = {key: str(value) for key, value in found.get("dialect_options", {}).items()}  # SQL, on SQLite
    shown = {**found, "dialect_options": options}
    return ", ".join(f"{key} {value}" for key, value in sorted(shown.items()) if value not in (None, {}, []))
