"""What a chain of revisions leaves behind in an empty database: schema, order of columns, rows, counters."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, column, inspect, select
from sqlalchemy import table as named

from ..backends.base import Database
from ..backends.objects import SchemaObject
from ..backends.schema import Schema, differences

Key = tuple[str | None, str]


@dataclass(frozen=True)
class State:
    schema: Schema
    # Columns of each table, in their order: INSERT without names depends on it.
    columns: dict[Key, list[str]]
    # Of the tables that are not empty: every row as the engine words it.
    rows: dict[Key, list[str]]
    counters: dict[str, str]
    made: list[SchemaObject]

    @property
    def is_empty(self) -> bool:
        return not (self.schema or self.columns or self.rows)


def read(database: Database, connection: Connection) -> State:
    columns = _columns(database, connection)
    return State(
        database.schema(connection),
        columns,
        {key: rows for key, names in columns.items() if (rows := _rows(database, connection, key, names))},
        database.counter_sql(connection),
        database.schema_objects(connection),
    )


def look(database: Database) -> State:
    with database.connect() as connection:
        return read(database, connection)


def title(key: Key) -> str:
    """The name of a table in a Schema."""
    return f"table {'.'.join(part for part in key if part)}"


def by_object(before: State, after: State) -> dict[str, list[str]]:
    """Say for each object of two schemas that differs in what it does."""
    found = {}
    for name in sorted(before.schema.keys() | after.schema.keys()):
        sides = [{name: side.schema[name]} if name in side.schema else {} for side in (before, after)]
        if told := differences(*sides):
            found[name] = told
    for key, names in before.columns.items():
        if title(key) not in found and after.columns.get(key, names) != names:
            was, now = ", ".join(names), ", ".join(after.columns[key])
            found[title(key)] = [f"the columns of {title(key)} were in the order {was}, are in {now}"]
    return found


def reflected(database: Database, connection: Connection, metadata: MetaData) -> dict[Key, Table]:
    """Reflect all tables that are the application's into `metadata`."""
    names: dict[str | None, list[str]] = defaultdict(list)
    for schema, name in _columns(database, connection):
        names[schema].append(name)
    for schema, wanted in names.items():
        metadata.reflect(connection, schema=schema, only=wanted, resolve_fks=False)
    return {(table.schema, table.name): table for table in metadata.tables.values()}


def _columns(database: Database, connection: Connection) -> dict[Key, list[str]]:
    inspector = inspect(connection)
    foreign = database.normalizer.of_extensions(connection) | database.internal_tables
    own = inspector.default_schema_name
    schemas = [None, *(s for s in inspector.get_schema_names() if s not in {own, "information_schema"})]
    if connection.dialect.name != "postgresql":
        schemas = [None]
    return {
        key: [each["name"] for each in found]
        for schema in schemas
        for key, found in inspector.get_multi_columns(schema=schema).items()
        if key[1] not in foreign
    }


def _rows(database: Database, connection: Connection, key: Key, names: list[str]) -> list[str]:
    found: Any = connection.execute(written_down(database, key, names)).all()
    return sorted(repr(tuple(row)) for row in found)


def written_down(database: Database, key: Key, names: list[str]) -> Any:
    """Select all rows of a table, each value as the engine words it."""
    source = named(key[1], *map(column, names), schema=key[0])
    return select(*(database.readable_value(source.c[name]) for name in names)).select_from(source)
