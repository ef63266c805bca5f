"""Rows that the revisions leave in an empty database: reference data, which a baseline has to insert."""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from alembic.autogenerate import render, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import JSON, Connection, Enum, MetaData, Table, TypeDecorator, column, select, types
from sqlalchemy import table as named
from sqlalchemy.exc import StatementError

from ..backends.base import Database
from .raw_sql import Written
from .state import Key, written_down
from .values import UnwritableError, as_python, as_sql

AT_ONCE = 100  # rows in one statement


class Rows(ops.MigrateOperation):
    """Rows for op.bulk_insert(), as literals."""

    def __init__(self, key: Key, columns: dict[str, Any], rows: list[str], imports: set[str]) -> None:
        self.key, self.columns, self.rows, self.imports = key, columns, rows, imports


@renderers.dispatch_for(Rows)
def _render(context: AutogenContext, operation: Rows) -> str:
    context.imports.update(operation.imports)
    schema, name = operation.key
    columns = "".join(
        f"sa.column({column!r}, {render._repr_type(kind, context)}), "
        for column, kind in operation.columns.items()
    )
    place = f"schema={schema!r}" if schema else ""
    rows = ",\n        ".join(operation.rows)
    return f"op.bulk_insert(\n    sa.table({name!r}, {columns}{place}),\n    [\n        {rows},\n    ],\n)"


def insertions(
    database: Database, connection: Connection, typed: list[MetaData], filled: set[Key]
) -> dict[Key, list[ops.MigrateOperation]]:
    """Return what inserts the rows of the tables in `filled`, those first that others refer to.

    Of several ways for a table the most portable comes first: with the types of each of `typed`, in which
    all tables are, then as SQL.
    """
    found: dict[Key, list[ops.MigrateOperation]] = {}
    for table in typed[-1].sorted_tables:
        key = (table.schema, table.name)
        if key not in filled:
            continue
        found[key] = []
        for metadata in typed:
            with suppress(UnwritableError, ValueError, TypeError, LookupError, StatementError):
                found[key].append(_typed(connection, metadata.tables[table.fullname]))
        found[key].append(_raw(database, connection, table))
    return found


def _typed(connection: Connection, table: Table) -> Rows:
    kinds = {each.name: _plain(each.type) for each in table.columns if not each.computed}
    always = any(each.identity is not None and each.identity.always for each in table.columns)
    if always or any(isinstance(kind, types.NullType) for kind in kinds.values()):
        raise UnwritableError
    source = named(table.name, *(column(name, kind) for name, kind in kinds.items()), schema=table.schema)
    key = [source.c[each.name] for each in table.primary_key if each.name in kinds]
    found = [dict(row) for row in connection.execute(select(source).order_by(*key)).mappings()]
    imports: set[str] = set()
    rows = [as_python(row, imports) for row in _parents_first(table, found)]
    return Rows((table.schema, table.name), kinds, rows, imports)


def _plain(kind: Any) -> Any:
    """The type without classes of the application."""
    if isinstance(kind, TypeDecorator):
        kind = kind.impl_instance
    if isinstance(kind, Enum):
        return Enum(*kind.enums, name=kind.name, native_enum=kind.native_enum, create_constraint=False)
    return JSON(none_as_null=True) if type(kind) is JSON else kind


def _parents_first(table: Table, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows that others of the same table refer to come before them, where there is such an order."""
    keys = [
        [(each.parent.name, each.target_fullname.rpartition(".")[2]) for each in constraint.elements]
        for constraint in table.foreign_key_constraints
        if constraint.elements[0].target_fullname.rpartition(".")[0] == table.fullname
    ]
    for pairs in keys:
        done: set[Any] = set()
        ordered, left = [], rows
        while left:
            later = []
            for row in left:
                wants = tuple(row[own] for own, _ in pairs)
                own = tuple(row[target] for _, target in pairs)
                if None in wants or wants == own or wants in done:
                    ordered.append(row)
                    done.add(own)
                else:
                    later.append(row)
            if len(later) == len(left):  # they refer to one another
                ordered, later = [*ordered, *later], []
            left = later
        rows = ordered
    return rows


def _raw(database: Database, connection: Connection, table: Table) -> Written:
    names = [each.name for each in table.columns if not each.computed]
    found = connection.execute(written_down(database, (table.schema, table.name), names)).all()
    rows = _parents_first(table, [dict(zip(names, row, strict=True)) for row in found])
    return Written(list(_inserts(database, connection, table, names, [[*row.values()] for row in rows])))


def _inserts(
    database: Database, connection: Connection, table: Table, names: list[str], rows: Any
) -> Iterator[str]:
    quote = connection.dialect.identifier_preparer
    columns = ", ".join(map(quote.quote, names))
    head = f"INSERT INTO {quote.format_table(table)} ({columns}){database.with_given_keys} VALUES"
    for start in range(0, len(rows), AT_ONCE):
        values = (
            f"({', '.join(as_sql(value, connection.dialect) for value in row)})"
            for row in rows[start : start + AT_ONCE]
        )
        yield head + " " + ", ".join(values)
