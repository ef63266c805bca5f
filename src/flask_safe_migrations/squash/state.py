"""The state of a database, for comparison: schema, order of columns, rows, counters."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, MetaData, Table, column, inspect, select
from sqlalchemy import table as lightweight_table

from ..backends.base import Database
from ..backends.schema import Schema, SchemaObject, differences, schema_names
from ..errors import MigrationError

# Schema (None for the default one) and name of a table.
TableKey = tuple[str | None, str]


@dataclass(frozen=True)
class State:
    """What a chain of revisions creates in an empty database."""

    schema: Schema
    # The columns of each table in their order, which an INSERT without column names depends on.
    columns: dict[TableKey, list[str]]
    # Every row of the tables that are not empty, in the text form of the database.
    rows: dict[TableKey, list[str]]
    # SQL that sets the counters of generated keys, by name.
    counters: dict[str, str]
    objects: list[SchemaObject]

    @property
    def is_empty(self) -> bool:
        return not (self.schema or self.columns or self.rows)


def read_state(database: Database, connection: Connection) -> State:
    """Read the schema and all rows; for shadow databases, which have few."""
    columns = _columns(database, connection)
    return State(
        database.schema(connection),
        columns,
        {key: rows for key, names in columns.items() if (rows := _rows(database, connection, key, names))},
        database.counter_sql(connection),
        database.schema_objects(connection),
    )


def read_current_state(database: Database) -> State:
    with database.connect() as connection:
        return read_state(database, connection)


def table_title(key: TableKey) -> str:
    """Return the name of a table in a `Schema`."""
    return f"table {'.'.join(part for part in key if part)}"


def describe_differences(before: State, after: State) -> dict[str, list[str]]:
    """Return, by the name of each object that differs, sentences that describe its differences."""
    described = {}
    for name in sorted(before.schema.keys() | after.schema.keys()):
        sides = [{name: side.schema[name]} if name in side.schema else {} for side in (before, after)]
        if sentences := differences(*sides):
            described[name] = sentences
    for key, names in before.columns.items():
        if table_title(key) not in described and after.columns.get(key, names) != names:
            title = table_title(key)
            was, now = ", ".join(names), ", ".join(after.columns[key])
            described[title] = [f"the columns of {title} were in the order {was}, are in the order {now}"]
    return described


def raise_differences(differences: list[list[str]], summary: str) -> None:
    """Raise MigrationError with `summary` and the first differences, if there are any."""
    lines = [line for described in differences for line in described]
    if lines:
        more = f" (and {len(lines) - 5} more)" if len(lines) > 5 else ""
        raise MigrationError(f"Nothing was changed: {summary}: {'; '.join(lines[:5])}{more}.")


def reflect_tables(database: Database, connection: Connection, metadata: MetaData) -> dict[TableKey, Table]:
    """Reflect all tables of the application into `metadata`."""
    names: dict[str | None, list[str]] = defaultdict(list)
    for schema, name in _columns(database, connection):
        names[schema].append(name)
    for schema, tables in names.items():
        metadata.reflect(connection, schema=schema, only=tables, resolve_fks=False)
    return {(table.schema, table.name): table for table in metadata.tables.values()}


def _columns(database: Database, connection: Connection) -> dict[TableKey, list[str]]:
    inspector = inspect(connection)
    ignored = database.normalizer.of_extensions(connection) | database.internal_tables
    own = inspector.default_schema_name
    names = {None if name == own else name for name in schema_names(inspector)}
    return {
        key: [item["name"] for item in columns]
        for schema in sorted(names, key=lambda name: name or "")
        for key, columns in inspector.get_multi_columns(schema=schema).items()
        if key[1] not in ignored
    }


def _rows(database: Database, connection: Connection, key: TableKey, names: list[str]) -> list[str]:
    rows: Any = connection.execute(select_as_text(database, key, names)).all()
    return sorted(repr(tuple(row)) for row in rows)


def select_as_text(database: Database, key: TableKey, names: list[str]) -> Any:
    """Return the query for all rows of a table, each value in the text form of the database."""
    source = lightweight_table(key[1], *map(column, names), schema=key[0])
    return select(*(database.readable_value(source.c[name]) for name in names)).select_from(source)
