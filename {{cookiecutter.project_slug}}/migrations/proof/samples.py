"""Rows made up from the types of the columns, at the limits of what fits: a narrowed type shows."""

import uuid
import warnings
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from flask import current_app
from sqlalchemy import Column, Connection, MetaData, Table, func, insert, select, types
from sqlalchemy.exc import DBAPIError, SAWarning, StatementError

ROWS = 3
BEGINNING = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).replace(tzinfo=None)


def fill(connection: Connection, ignoring: frozenset[str]) -> list[str]:
    """Put rows into every table that has none; return the tables in which none could be put."""
    metadata = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        metadata.reflect(connection)
        tables = [table for table in metadata.sorted_tables if table.name not in ignoring]
    return [table.name for table in tables if not _fill(connection, table)]


def _fill(connection: Connection, table: Table) -> bool:
    if connection.scalar(select(func.count()).select_from(table)):
        return True
    rows = 0
    for number in range(ROWS):
        # At the limits first; small ones for a CHECK that does not like them; then the least there can be.
        for large, sparse in ((True, False), (False, False), (False, True)):
            nothing = sparse or number == ROWS - 1
            values = {
                column.name: _value(connection, column, number, large=large)
                for column in table.columns
                if not (column.computed or (column.nullable and nothing) or _fills_itself(column))
            }
            try:
                with connection.begin_nested():
                    connection.execute(insert(table).values(values))
            except (DBAPIError, StatementError):
                continue
            rows += 1
            break
    return rows > 0


def _fills_itself(column: Column[Any]) -> bool:
    return column.identity is not None or (
        column.autoincrement is True or column is column.table.autoincrement_column
    )


def _value(connection: Connection, column: Column[Any], number: int, *, large: bool) -> Any:
    for key in column.foreign_keys:
        found = connection.scalars(select(key.column).order_by(key.column)).all()
        return found[number % len(found)] if found else None
    # One that is about to get a foreign key: it has to fit the keys that rows get by themselves, 1, 2, 3.
    return sample(column.type, number, large=large and not _refers_in_the_models(column))


def _refers_in_the_models(column: Column[Any]) -> bool:
    table = current_app.extensions["migrate"].db.metadata.tables.get(column.table.fullname)
    return (
        table is not None and column.name in table.columns and bool(table.columns[column.name].foreign_keys)
    )


def sample(kind: types.TypeEngine[Any], number: int, *, large: bool) -> Any:
    """Return a value of this type, a different one for each number."""
    match kind:
        case types.Enum():
            return kind.enums[number % len(kind.enums)]
        case types.Boolean():
            return number % 2 == 0
        case types.JSON():
            return {"number": number}
        case types.Uuid():
            return uuid.UUID(int=number + 1)
        case types.LargeBinary():
            return bytes([number + 1]) * (min(kind.length or 8, 255) if large else 1)
        case types.String():
            length = min(kind.length or 60, 255) if large else 1
            return "abcdefghi"[number] * length
        case types.SmallInteger():
            return 32_000 + number if large else number + 1
        case types.BigInteger():
            return 9_000_000_000_000_000_000 + number if large else number + 1
        case types.Integer():
            return 2_000_000_000 + number if large else number + 1
        case types.Float():
            return number + 0.5
        case types.Numeric():
            digits = (kind.precision or 8) - (kind.scale or 0)
            return Decimal(10**digits - 1 - number) if large else Decimal(number)
        case types.DateTime():
            return BEGINNING + timedelta(days=number)
        case types.Date():
            return BEGINNING.date() + timedelta(days=number)
        case types.Time():
            return time(number, 2, 3)
        case types.Interval():
            return timedelta(days=number)
        case types.ARRAY():
            return [sample(kind.item_type, number, large=large)]
    return str(number)
