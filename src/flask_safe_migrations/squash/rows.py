"""Inserts the rows that the revisions leave in an empty database: reference data, and its counters."""

import datetime
import decimal
import enum
import math
import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import (
    JSON,
    Connection,
    Dialect,
    Enum,
    Integer,
    MetaData,
    Table,
    TypeDecorator,
    column,
    literal,
    select,
    types,
)
from sqlalchemy import table as lightweight_table
from sqlalchemy.exc import StatementError

from .. import _compat
from ..backends.base import Database
from ..backends.escaping import undouble_percents
from .rendering import RawSQLOp
from .state import TableKey, select_as_text

ROWS_PER_STATEMENT = 100
# The modules whose values are written by their repr().
MODULES = {datetime: "datetime", decimal: "decimal", uuid: "uuid"}


class UnwritableError(Exception):
    """A value, or a type, that cannot be written as Python."""


class InsertRowsOp(ops.MigrateOperation):
    """A call of op.bulk_insert(); `rows` are Python literals that need `imports`."""

    def __init__(self, key: TableKey, columns: dict[str, Any], rows: list[str], imports: set[str]) -> None:
        self.key, self.columns, self.rows, self.imports = key, columns, rows, imports


@renderers.dispatch_for(InsertRowsOp)
def _render(context: AutogenContext, operation: InsertRowsOp) -> str:
    context.imports.update(operation.imports)
    schema, name = operation.key
    columns = "".join(
        f"sa.column({column!r}, {_compat.render_type(column_type, context)}), "
        for column, column_type in operation.columns.items()
    )
    schema_argument = f"schema={schema!r}" if schema else ""
    rows = ",\n        ".join(operation.rows)
    table = f"sa.table({name!r}, {columns}{schema_argument})"
    return f"op.bulk_insert(\n    {table},\n    [\n        {rows},\n    ],\n)"


def compose_insertions(
    database: Database, connection: Connection, metadata: MetaData, filled: set[TableKey]
) -> dict[TableKey, list[ops.MigrateOperation]]:
    """Return, for each table in `filled`, operations that insert its rows: op.bulk_insert(), then SQL.

    Tables come before those that refer to them.

    :param metadata: all tables; op.bulk_insert() takes the types from there.
    """
    insertions: dict[TableKey, list[ops.MigrateOperation]] = {}
    for table in metadata.sorted_tables:
        key = (table.schema, table.name)
        if key not in filled:
            continue
        insertions[key] = []
        with suppress(UnwritableError, ValueError, TypeError, LookupError, StatementError):
            insertions[key].append(_insert_typed(connection, table))
        insertions[key].append(_insert_sql(database, connection, table))
    return insertions


def _insert_typed(connection: Connection, table: Table) -> InsertRowsOp:
    column_types = {item.name: _portable_type(item.type) for item in table.columns if not item.computed}
    always = any(item.identity is not None and item.identity.always for item in table.columns)
    if always or any(isinstance(column_type, types.NullType) for column_type in column_types.values()):
        raise UnwritableError
    columns = [column(name, column_type) for name, column_type in column_types.items()]
    source = lightweight_table(table.name, *columns, schema=table.schema)
    key = [source.c[item.name] for item in table.primary_key if item.name in column_types]
    selected = [dict(row) for row in connection.execute(select(source).order_by(*key)).mappings()]
    imports: set[str] = set()
    rows = [as_python(row, imports) for row in _parents_first(table, selected)]
    return InsertRowsOp((table.schema, table.name), column_types, rows, imports)


def _portable_type(column_type: Any) -> Any:
    """Return the type without classes of the application."""
    if isinstance(column_type, TypeDecorator):
        column_type = column_type.impl_instance
    if isinstance(column_type, Enum):
        return Enum(
            *column_type.enums,
            name=column_type.name,
            native_enum=column_type.native_enum,
            create_constraint=False,
        )
    return JSON(none_as_null=True) if type(column_type) is JSON else column_type


def _parents_first(table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort rows of a table that refers to itself: parents before children, if there is such an order."""
    keys = [
        [(element.parent.name, element.target_fullname.rpartition(".")[2]) for element in constraint.elements]
        for constraint in table.foreign_key_constraints
        if constraint.elements[0].target_fullname.rpartition(".")[0] == table.fullname
    ]
    for pairs in keys:
        inserted: set[Any] = set()
        ordered, remaining = [], rows
        while remaining:
            deferred = []
            for row in remaining:
                parent = tuple(row[name] for name, _ in pairs)
                own = tuple(row[target] for _, target in pairs)
                if None in parent or parent == own or parent in inserted:
                    ordered.append(row)
                    inserted.add(own)
                else:
                    deferred.append(row)
            if len(deferred) == len(remaining):  # a cycle
                ordered, deferred = [*ordered, *deferred], []
            remaining = deferred
        rows = ordered
    return rows


def _insert_sql(database: Database, connection: Connection, table: Table) -> RawSQLOp:
    names = [item.name for item in table.columns if not item.computed]
    selected = connection.execute(select_as_text(database, (table.schema, table.name), names)).all()
    rows = _parents_first(table, [dict(zip(names, row, strict=True)) for row in selected])
    return RawSQLOp(
        list(_insert_statements(database, connection, table, names, [[*row.values()] for row in rows]))
    )


def _insert_statements(
    database: Database, connection: Connection, table: Table, names: list[str], rows: Any
) -> Iterator[str]:
    preparer = connection.dialect.identifier_preparer
    columns = ", ".join(map(preparer.quote, names))
    start_of_statement = (
        f"INSERT INTO {preparer.format_table(table)} ({columns}){database.with_given_keys} VALUES"
    )
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        values = (
            f"({', '.join(as_sql(value, connection.dialect) for value in row)})"
            for row in rows[start : start + ROWS_PER_STATEMENT]
        )
        yield start_of_statement + " " + ", ".join(values)


def reset_counters(metadata: MetaData, rows: dict[TableKey, Any]) -> Iterator[tuple[TableKey, RawSQLOp]]:
    """Yield SQL that sets the sequences of keys behind the inserted rows.

    On PostgreSQL an explicit key does not advance the sequence. The baseline may come from another database.
    """
    for schema, name in rows:
        table = metadata.tables[f"{schema}.{name}" if schema else name]
        column = table.autoincrement_column
        if (
            column is not None
            and isinstance(column.type, Integer)
            and isinstance(rows[schema, name], InsertRowsOp)
        ):
            quoted = ".".join(f'"{part}"' for part in (schema, name) if part)
            sql = (
                f"SELECT setval(pg_get_serial_sequence('{quoted}', '{column.name}'), max(\"{column.name}\")) "  # noqa: S608
                f"FROM {quoted}"
            )
            yield (schema, name), RawSQLOp([sql], ("postgresql",))


def as_python(value: Any, imports: set[str]) -> str:
    """Return the Python literal of a value, and add the import that it needs to `imports`."""
    if isinstance(value, enum.Enum):
        value = value.name
    if isinstance(value, float) and not math.isfinite(value):
        raise UnwritableError(value)
    if isinstance(value, str):
        return repr(str(value))
    if value is None or type(value) in {bool, int, float, bytes}:
        return repr(value)
    if isinstance(value, datetime.datetime) and value.tzinfo:
        value = value.astimezone(datetime.UTC)
        imports.add("import datetime")
        return repr(value).replace("datetime.timezone.utc", "datetime.UTC")
    for module, name in MODULES.items():
        if type(value).__module__ == name and hasattr(module, type(value).__name__):
            imports.add(f"import {name}")
            text = repr(value)
            return text if text.startswith(f"{name}.") else f"{name}.{text}"
    if isinstance(value, list):
        return f"[{', '.join(as_python(item, imports) for item in value)}]"
    if isinstance(value, dict):
        items = (f"{as_python(k, imports)}: {as_python(v, imports)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    raise UnwritableError(value)


def as_sql(value: Any, dialect: Dialect) -> str:
    """Return the SQL literal of a value that a driver returned."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"X'{bytes(value).hex()}'"
    if isinstance(value, datetime.timedelta):  # TIME on MariaDB
        seconds = int(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        fraction = f".{abs(value.microseconds):06}" if value.microseconds else ""
        return f"'{sign}{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}{fraction}'"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return f"'{value!s}'"
    if isinstance(value, float):
        return repr(value)
    sql = str(literal(value).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return undouble_percents(sql, dialect)
