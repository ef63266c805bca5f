"""Inserts sample rows, whose values are at the limits of the column types: they reveal a narrowed type."""

import uuid
import warnings
from collections.abc import Callable
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
    inspect,
    not_,
    select,
    types,
)
from sqlalchemy.exc import DBAPIError, SAWarning, StatementError
from sqlalchemy.sql.elements import Grouping

ROWS_PER_CALL = 3
FIRST_DATETIME = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).replace(tzinfo=None)


def insert_sample_rows(
    connection: Connection, models: MetaData, includes: Callable[[str], bool], *, limit: int
) -> list[str]:
    """Insert rows into tables, those they refer to, and those that refer to them.

    :param models: the tables as they will be after the newest revision.
    :param includes: whether a table of this name gets rows.
    :param limit: a table that has so many rows gets no more.
    :return: the names of the tables into which no row could be inserted.
    """
    existing = set(inspect(connection).get_table_names())
    names = {name for name in existing if includes(name)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        tables = _reflect_tables(connection, names | _referring_tables(models, names) & existing)
    return [table.name for table in tables if not _insert_rows(connection, models, table, limit)]


def _reflect_tables(connection: Connection, names: set[str]) -> list[Table]:
    """Return these tables and all that they refer to, sorted by their foreign keys."""
    metadata = MetaData()
    while names:  # level by level: SQLAlchemy's resolve_fks recurses
        metadata.reflect(connection, only=sorted(names), resolve_fks=False)
        keys = (key for name in names for key in metadata.tables[name].foreign_keys)
        names = {key.target_fullname.rpartition(".")[0] for key in keys} - metadata.tables.keys()
    return metadata.sorted_tables


def _referring_tables(models: MetaData, names: set[str]) -> set[str]:
    """Return the tables that refer to these by the models: a change to a row may cascade to their rows."""
    keys = (key for table in models.tables.values() for key in table.foreign_keys)
    return {key.parent.table.name for key in keys if key.target_fullname.rpartition(".")[0] in names}


def _insert_rows(connection: Connection, models: MetaData, table: Table, limit: int) -> bool:
    model = models.tables.get(table.fullname)
    rows = connection.scalar(select(func.count()).select_from(table)) or 0
    if rows >= limit:
        return True
    for number in range(rows, rows + ROWS_PER_CALL):
        # Large values first; then small ones, for a CHECK that refuses the large; then only required values.
        for large, sparse in ((True, False), (False, False), (False, True)):
            leave_empty = sparse or number % ROWS_PER_CALL == ROWS_PER_CALL - 1
            values = {
                column.name: _make_value(connection, column, model, number, large=large)
                for column in table.columns
                if not (column.computed or (column.nullable and leave_empty) or _is_generated(column))
            }
            try:
                with connection.begin_nested() as attempt:
                    connection.execute(insert(table).values(values))
                    if _violates_check(connection, model):
                        attempt.rollback()
                        continue
            except (DBAPIError, StatementError):
                continue
            rows += 1
            break
    return rows > 0


def _is_generated(column: Column[Any]) -> bool:
    return column.identity is not None or (
        column.autoincrement is True or column is column.table.autoincrement_column
    )


def _make_value(
    connection: Connection, column: Column[Any], model: Table | None, number: int, *, large: bool
) -> Any:
    for key in column.foreign_keys:
        keys = connection.scalars(select(key.column).order_by(key.column)).all()
        return keys[number % len(keys)] if keys else None
    # A column that gets a foreign key later needs a small value: the generated keys are 1, 2, 3.
    return make_sample(column.type, number, large=large and not _is_foreign_key(model, column))


def _is_foreign_key(model: Table | None, column: Column[Any]) -> bool:
    """Whether the model has a foreign key on the column, also if the database does not have it yet."""
    return (
        model is not None and column.name in model.columns and bool(model.columns[column.name].foreign_keys)
    )


def _violates_check(connection: Connection, model: Table | None) -> bool:
    """Whether a row violates a CHECK of the model, also if the database does not have it yet."""
    if model is None:
        return False
    for check in model.constraints:
        if isinstance(check, CheckConstraint):
            violations = select(func.count()).select_from(model).where(not_(Grouping(check.sqltext)))
            with suppress(DBAPIError), connection.begin_nested():  # its columns may not exist yet either
                if connection.scalar(violations):
                    return True
    return False


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
        case types.ARRAY():
            return [make_sample(type_.item_type, number, large=large)]
    return str(number)
