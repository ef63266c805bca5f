"""Inserts sample rows, whose values are at the limits of the column types: they reveal a narrowed type."""

import json
import re
import uuid
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    MetaData,
    Table,
    func,
    insert,
    not_,
    select,
    types,
)
from sqlalchemy import column as column_clause
from sqlalchemy import table as table_clause
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import DBAPIError, SAWarning, StatementError
from sqlalchemy.sql.elements import Grouping

from ..backends.schema import TableName, qualify, target_table
from .expectations import Expectations, Key

ROWS_PER_CALL = 3
NUMBER = (int, float, Decimal)
# Text can become a value of these types.
CONVERTIBLE = (
    mysql.INET4,
    mysql.INET6,
    types.Boolean,
    types.Date,
    types.DateTime,
    types.Float,
    types.Integer,
    types.Interval,
    types.JSON,
    types.Numeric,
    types.Time,
    types.Uuid,
)
FIRST_DATETIME = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).replace(tzinfo=None)


def insert_sample_rows(
    connection: Connection,
    models: MetaData,
    affected: Iterable[TableName],
    existing: Iterable[TableName],
    *,
    limit: int,
    expected: Expectations | None = None,
) -> list[str]:
    """Insert rows into tables, those they refer to, and those that refer to them.

    :param models: the tables as they will be after the newest revision.
    :param affected: those that get rows, besides the ones next to them.
    :param existing: all tables that may get rows.
    :param limit: a table that has so many rows gets no more.
    :param expected: what the revision expects of rows; those that it names are inserted first.
    :return: the names of the tables into which no row could be inserted.
    """
    names = {qualify(table) for table in affected}
    names |= _referring_tables(models, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        tables = _reflect_tables(connection, {table for table in existing if qualify(table) in names})
    rows = SampleRows(connection, models, expected or Expectations())
    tables = _sort_tables(tables, rows.expected.keys)
    wanted = rows.expected.find_rows(tables)
    for table in tables:
        for values in wanted.get(table.fullname, ()):
            rows.insert_expected(table, values)
    return [table.fullname for table in tables if not rows.insert_numbered(table, limit)]


def _reflect_tables(connection: Connection, tables: set[TableName]) -> list[Table]:
    """Return these tables and all that they refer to, sorted by their foreign keys."""
    metadata = MetaData()
    while tables:  # level by level: SQLAlchemy's resolve_fks recurses
        for schema in {schema for schema, _name in tables}:
            names = sorted(name for place, name in tables if place == schema)
            metadata.reflect(connection, schema=schema, only=names, resolve_fks=False)
        keys = (key for table in tables for key in metadata.tables[qualify(table)].foreign_keys)
        tables = {target_table(key) for key in keys}
        tables = {table for table in tables if qualify(table) not in metadata.tables}
    return metadata.sorted_tables


def _sort_tables(tables: list[Table], keys: Iterable[Key]) -> list[Table]:
    """Return each table after those that it refers to, now or after the revision."""
    by_name = {table.fullname: table for table in tables}
    found: dict[str, Table] = {}

    def visit(name: str, pending: frozenset[str]) -> None:
        if name in found or name in pending or name not in by_name:
            return
        parents = {qualify(target_table(key)) for key in by_name[name].foreign_keys}
        parents |= {parent for child, _columns, parent, _referred in keys if child == name}
        for parent in sorted(parents):
            visit(parent, pending | {name})
        found[name] = by_name[name]

    for table in tables:
        visit(table.fullname, frozenset())
    return list(found.values())


def _referring_tables(models: MetaData, names: set[str]) -> set[str]:
    """Return the tables that refer to these by the models: a change to a row may cascade to their rows."""
    keys = (key for table in models.tables.values() for key in table.foreign_keys)
    return {key.parent.table.fullname for key in keys if qualify(target_table(key)) in names}


class SampleRows:
    """Makes rows up and inserts them.

    :param expected: what the revision expects of rows.
    """

    def __init__(self, connection: Connection, models: MetaData, expected: Expectations) -> None:
        self.connection, self.models, self.expected = connection, models, expected

    def insert_numbered(self, table: Table, limit: int) -> bool:
        """Insert some rows; return whether the table has any."""
        rows = self._count(table)
        if rows >= limit:
            return True
        for number in range(rows, rows + ROWS_PER_CALL):
            empty = number % ROWS_PER_CALL == ROWS_PER_CALL - 1
            rows += self.insert(table, number, {}, leave_empty=empty) is not None
        return rows > 0

    def insert_expected(self, table: Table, values: Mapping[str, Any]) -> None:
        """Insert a row with these values, unless there is one. No other row shares its remaining values."""
        condition = [table.c[name] == value for name, value in values.items()]
        with suppress(DBAPIError, StatementError), self.connection.begin_nested():
            if not self.connection.scalar(select(func.count()).select_from(table).where(*condition)):
                self.insert(table, self._count(table), values)

    def insert(
        self, table: Table, number: int, given: Mapping[str, Any], *, leave_empty: bool = False
    ) -> Sequence[Any] | None:
        """Insert a row with the given values and made-up others.

        :param leave_empty: whether columns that may be NULL are.
        :return: its primary key, or None if the database accepts no such row.
        """
        # Large values first; then small ones, for a CHECK that refuses the large; then only required values.
        for large, sparse in ((True, False), (False, False), (False, True)):
            values = {
                column.name: self._make_value(column, number, large=large)
                for column in table.columns
                if column.name not in given
                and not (
                    column.computed or (column.nullable and (sparse or leave_empty)) or _is_generated(column)
                )
            }
            try:
                with self.connection.begin_nested() as attempt:
                    result = self.connection.execute(insert(table).values({**values, **given}))
                    if not self._violates_check(table):
                        return tuple(result.inserted_primary_key or ())
                    attempt.rollback()
            except (DBAPIError, StatementError):
                continue
        return None

    def _count(self, table: Table) -> int:
        return self.connection.scalar(select(func.count()).select_from(table)) or 0

    def _make_value(self, column: Column[Any], number: int, *, large: bool) -> Any:
        for key in column.foreign_keys:
            keys = self.connection.scalars(select(key.column).order_by(key.column)).all()
            keys = self._keep_later_keys(column, keys)
            return keys[number % len(keys)] if keys else None
        model = self.models.tables.get(column.table.fullname)
        planned = model.columns.get(column.name) if model is not None else None
        later = self.expected.types.get((column.table.fullname, column.name))
        if planned is not None and (later is None or isinstance(planned.type, types.Enum | types.JSON)):
            later = planned.type  # the database may not know it for an enum or JSON
        # A column that gets a foreign key later needs a small value: the generated keys are 1, 2, 3.
        large = large and not (planned is not None and planned.foreign_keys)
        # What is computed from a large value may not fit, and the engine may notice that only later.
        large = large and column.name.casefold() not in _words_in_computed(column.table, model)
        return make_fitting(column.type, later, number, large=large)

    def _keep_later_keys(self, column: Column[Any], keys: Sequence[Any]) -> Sequence[Any]:
        """Return those of the keys that are also in the table to which the revision points the column."""
        for table, columns, parent, referred in self.expected.keys:
            if (table, columns) == (column.table.fullname, (column.name,)):
                schema, _, name = parent.rpartition(".")
                later = table_clause(name, column_clause(referred[0]), schema=schema or None)
                with suppress(DBAPIError), self.connection.begin_nested():  # the revision may create it
                    existing = set(self.connection.scalars(select(later.c[referred[0]])))
                    keys = [key for key in keys if key in existing] or keys
        return keys

    def _violates_check(self, table: Table) -> bool:
        """Whether a row violates a CHECK of the model, also if the database does not have it yet."""
        model = self.models.tables.get(table.fullname)
        for check in () if model is None else model.constraints:
            if isinstance(check, CheckConstraint):
                violations = select(func.count()).select_from(model).where(not_(Grouping(check.sqltext)))  # type: ignore[arg-type]
                # Its columns may not exist yet either.
                with suppress(DBAPIError), self.connection.begin_nested():
                    if self.connection.scalar(violations):
                        return True
        return False


def _words_in_computed(*tables: Table | None) -> set[str]:
    """Return the words in the expressions of all computed columns."""
    columns = (column for table in tables if table is not None for column in table.columns)
    expressions = [str(column.computed.sqltext) for column in columns if column.computed is not None]
    return set(re.findall(r"\w+", " ".join(expressions).casefold()))


def _is_generated(column: Column[Any]) -> bool:
    return column.identity is not None or (
        column.autoincrement is True or column is column.table.autoincrement_column
    )


def make_fitting(
    kind: types.TypeEngine[Any], later: types.TypeEngine[Any] | None, number: int, *, large: bool
) -> Any:
    """Return a value of the type that fits into the later type as well, if there is one."""
    sample = make_sample(kind, number, large=large)
    if isinstance(later, types.Enum) and isinstance(kind, types.String):
        length = None if isinstance(kind, types.Enum) else kind.length
        known = kind.enums if isinstance(kind, types.Enum) else later.enums
        fitting = [name for name in known if name in later.enums and (length is None or len(name) <= length)]
        return fitting[number % len(fitting)] if fitting else sample
    if later is None or isinstance(kind, types.Enum):
        return sample
    others = [make_sample(later, number, large=size) for size in dict.fromkeys((large, False))]
    if isinstance(kind, types.String) and isinstance(later, CONVERTIBLE):
        texts = [_write_text(other) for other in others]
        return next((text for text in texts if kind.length is None or len(text) <= kind.length), sample)
    if isinstance(sample, NUMBER) and isinstance(others[0], NUMBER):
        return min(sample, others[0], key=lambda value: abs(value))
    if isinstance(sample, str | bytes) and isinstance(others[0], type(sample)):
        return min(sample, others[0], key=len)
    return sample


def _write_text(value: Any) -> str:
    if isinstance(value, dict):
        return json.dumps(value)
    return str(int(value)) if isinstance(value, bool) else str(value)


def make_sample(type_: types.TypeEngine[Any], number: int, *, large: bool) -> Any:
    """Return a value of this type, a different one for each number."""
    match type_:
        case types.Enum():
            return type_.enums[number % len(type_.enums)]
        case types.Boolean():
            return number % 2 == 0
        case types.JSON():
            return {"number": number}
        case types.Uuid():
            return uuid.UUID(int=number + 1)
        case types.LargeBinary():
            return bytes([number % 250 + 1]) * (min(type_.length or 8, 255) if large else 1)
        case types.String():
            length = min(type_.length or 60, 255) if large else 1
            return chr(ord("a") + number % 26) * length
        case types.SmallInteger():
            return 32_000 + number if large else number + 1
        case types.BigInteger():
            return 9_000_000_000_000_000_000 + number if large else number + 1
        case types.Integer():
            return 2_000_000_000 + number if large else number + 1
        case types.Float():
            return number + 0.5
        case types.Numeric():
            digits = (type_.precision or 8) - (type_.scale or 0)
            return Decimal(10**digits - 1 - number) if large else Decimal(number)
        case types.DateTime():
            return FIRST_DATETIME + timedelta(days=number)
        case types.Date():
            return FIRST_DATETIME.date() + timedelta(days=number)
        case types.Time():
            return time(number % 24, 2, 3)
        case types.Interval():
            return timedelta(days=number)
        case mysql.INET4() | postgresql.INET():
            return f"10.0.0.{number % 250}"
        case mysql.INET6():
            return f"::{number % 250}"
        case types.ARRAY():
            return [make_sample(type_.item_type, number, large=large)]
    return str(number)
