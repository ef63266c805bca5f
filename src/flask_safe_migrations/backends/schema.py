"""Describes the content of a database table by table, to compare two states and report the differences."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

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


def tables(
    inspector: Inspector, schema: str | None, prefix: str, ignoring: Iterable[str]
) -> dict[str, dict[str, str]]:
    """Return the parts of each table in a schema. All tables are read at once if the engine supports that."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    dialect = inspector.dialect
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # types that SQLAlchemy does not know are compared as text
        for (_, table), columns in inspector.get_multi_columns(schema=schema).items():
            for column in columns:
                told = [column["type"].compile(dialect), "NULL" if column["nullable"] else "NOT NULL"]
                options = ("default", "computed", "identity", "comment")
                told += [f"{key} {column.get(key)}" for key in options if column.get(key)]
                found[table][f"column {prefix}{table}.{column['name']}"] = ", ".join(told)
        for (_, table), key in inspector.get_multi_pk_constraint(schema=schema).items():
            if key and key["constrained_columns"]:
                found[table][f"primary key of {prefix}{table}"] = _told(key)
        for kind in KINDS:
            word = {"indexes": "index"}.get(kind, kind[:-1].replace("_", " "))
            for (_, table), things in getattr(inspector, f"get_multi_{kind}")(schema=schema).items():
                for thing in things:
                    # A constraint without a name is identified by its definition.
                    found[table][f"{word} {prefix}{table}.{thing['name'] or _told(thing)}"] = _told(thing)
        if dialect.supports_comments:
            for (_, table), comment in inspector.get_multi_table_comment(schema=schema).items():
                if comment and comment["text"]:
                    found[table][f"comment of {prefix}{table}"] = comment["text"]
    return {f"table {prefix}{name}": parts for name, parts in found.items() if name not in ignoring}


def differences(before: Schema, after: Schema) -> list[str]:
    """Return a readable list of the differences."""
    told = [f"{name} is missing" for name in sorted(before.keys() - after.keys())]
    told += [f"{name} is left over" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        if before[name] != after[name]:
            told += _different(before[name].parts(), after[name].parts())
    return told


def _different(before: dict[str, str], after: dict[str, str]) -> list[str]:
    told = [f"{place} is missing" for place in sorted(before.keys() - after.keys())]
    told += [f"{place} is left over" for place in sorted(after.keys() - before.keys())]
    both = sorted(before.keys() & after.keys())
    return told + [
        f"{place} was {before[place]}, is {after[place]}" for place in both if before[place] != after[place]
    ]


def schemas(inspector: Inspector) -> list[str | None]:
    """Return the application's schemas: the default one, and on PostgreSQL all except the system schemas."""
    if inspector.dialect.name != "postgresql":
        return [inspector.default_schema_name]
    return [name for name in inspector.get_schema_names() if name != "information_schema"]


def _told(found: Any) -> str:
    """Return everything that was reflected, without empty options."""
    options = {key: str(value) for key, value in found.get("dialect_options", {}).items()}  # SQL, on SQLite
    told = {**found, "dialect_options": options}
    return ", ".join(f"{key} {value}" for key, value in sorted(told.items()) if value not in (None, {}, []))
