"""What a database looks like, as a flat dictionary that can be compared: place → definition."""

import warnings
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SAWarning


def schema_of(connection: Connection, ignoring: frozenset[str]) -> dict[str, str]:
    """Describe tables, columns, constraints, indexes and views, but for the tables in `ignoring`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # types that SQLAlchemy does not know are compared as text
        return dict(_describe(connection, ignoring))


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Say in words what differs."""
    told = [f"{place} is missing" for place in sorted(before.keys() - after.keys())]
    told += [f"{place} is left over" for place in sorted(after.keys() - before.keys())]
    both = sorted(before.keys() & after.keys())
    return told + [
        f"{place} was {before[place]}, is {after[place]}" for place in both if before[place] != after[place]
    ]


def _describe(connection: Connection, ignoring: frozenset[str]) -> Any:
    inspector = inspect(connection)
    dialect = connection.dialect
    own = inspector.default_schema_name
    for schema in _schemas(inspector):
        prefix = "" if schema == own else f"{schema}."
        for table in inspector.get_table_names(schema):
            if table in ignoring:
                continue
            name = f"{prefix}{table}"
            yield f"table {name}", "a table"
            for column in inspector.get_columns(table, schema):
                told = [column["type"].compile(dialect), "NULL" if column["nullable"] else "NOT NULL"]
                told += [
                    f"{key} {column[key]}"
                    for key in ("default", "computed", "identity", "comment")
                    if column.get(key)
                ]  # type: ignore[literal-required]
                yield f"column {name}.{column['name']}", ", ".join(told)
            if (key := inspector.get_pk_constraint(table, schema))["constrained_columns"]:
                yield f"primary key of {name}", _told(key)
            for kind in ("foreign_keys", "unique_constraints", "check_constraints", "indexes"):
                for found in getattr(inspector, f"get_{kind}")(table, schema):
                    yield (
                        f"{kind[:-1].replace('_', ' ')} {name}.{found['name']}".replace("indexe", "index"),
                        _told(found),
                    )
            if dialect.supports_comments and (comment := inspector.get_table_comment(table, schema)["text"]):
                yield f"comment of {name}", comment
        for view in inspector.get_view_names(schema):
            yield f"view {prefix}{view}", str(inspector.get_view_definition(view, schema))
        for enum in getattr(inspector, "get_enums", lambda schema: [])(schema=schema):
            yield f"enum {prefix}{enum['name']}", str(enum["labels"])
        if dialect.supports_sequences and dialect.name == "postgresql":
            for sequence in inspector.get_sequence_names(schema):
                yield f"sequence {prefix}{sequence}", "a sequence"


def _schemas(inspector: Any) -> list[str | None]:
    """Those of the application: the default one, and on PostgreSQL all that are not the server's own."""
    if inspector.dialect.name != "postgresql":
        return [inspector.default_schema_name]
    return [name for name in inspector.get_schema_names() if name != "information_schema"]


def _told(found: Any) -> str:
    """All that was reflected, but for what says nothing: empty options."""
    return ", ".join(f"{key} {value}" for key, value in sorted(found.items()) if value not in (None, {}, []))
