"""Rows made up from the types of the columns, at the limits of what fits: a narrowed type shows."""

import uuid
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, func, insert, inspect, select, types
from sqlalchemy.exc import DBAPIError, SAWarning, StatementError

from . import model_hints

ROWS = 3
BEGINNING = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC).replace(tzinfo=None)


def fill(
    connection: Connection, models: MetaData, wanted: Callable[[str], bool], *, enough: int
) -> list[str]:
    """Put rows into the wanted tables, those they refer to, and those that refer to them.

    Where there are `enough`, no more are added. Returns the tables in which no row could be put.
    """
    there = set(inspect(connection).get_table_names())
    names = {name for name in there if wanted(name)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        tables = _read(connection, names | _referring(models, names) & there)
    return [table.name for table in tables if not _fill(connection, models, table, enough)]


def _read(connection: Connection, names: set[str]) -> list[Table]:
    """Return these tables and all that they refer to, those referred to first."""
    metadata = MetaData()
    while names:  # one generation after the other: SQLAlchemy's own way recurses
        metadata.reflect(connection, only=sorted(names), resolve_fks=False)
        keys = (key for name in names for key in metadata.tables[name].foreign_keys)
        names = {key.target_fullname.rpartition(".")[0] for key in keys} - metadata.tables.keys()
    return metadata.sorted_tables


def _referring(models: MetaData, names: set[str]) -> set[str]:
    """What happens to a row may reach those that refer to it; the models know them without looking."""
    keys = (key for table in models.tables.values() for key in table.foreign_keys)
    return {key.parent.table.name for key in keys if key.target_fullname.rpartition(".")[0] in names}


def _fill(connection: Connection, models: MetaData, table: Table, enough: int) -> bool:
    about_to_be = models.tables.get(table.fullname)
    rows = connection.scalar(select(func.count()).select_from(table)) or 0
    if rows >= enough:
        return True
    for number in range(rows, rows + ROWS):
        # At the limits first; small ones for a CHECK that does not like them; then the least there can be.
        for large, sparse in ((True, False), (False, False), (False, True)):
            nothing = sparse or number % ROWS == ROWS - 1
            values = {
                column.name: _value(connection, column, about_to_be, number, large=large)
                for column in table.columns
                if not (column.computed or (column.nullable and nothing) or _fills_itself(column))
            }
            try:
                with connection.begin_nested() as attempt:
                    connection.execute(insert(table).values(values))
                    if model_hints.breaks_a_check(connection, about_to_be):
                        attempt.rollback()
                        continue
            except (DBAPIError, StatementError):
                continue
            rows += 1
            break
    return rows > 0


def _fills_itself(column: Column[Any]) -> bool:
    return column.identity is not None or (
        column.autoincrement is True or column is column.table.autoincrement_column
    )


def _value(
    connection: Connection, column: Column[Any], about_to_be: Table | None, number: int, *, large: bool
) -> Any:
    for key in column.foreign_keys:
        found = connection.scalars(select(key.column).order_by(key.column)).all()
        return found[number % len(found)] if found else None
    # One that is about to get a foreign key: it has to fit the keys that rows get by themselves, 1, 2, 3.
    return sample(column.type, number, large=large and not model_hints.refers(about_to_be, column))


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
            return bytes([number % 250 + 1]) * (min(kind.length or 8, 255) if large else 1)
        case types.String():
            length = min(kind.length or 60, 255) if large else 1
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
            digits = (kind.precision or 8) - (kind.scale or 0)
            return Decimal(10**digits - 1 - number) if large else Decimal(number)
        case types.DateTime():
            return BEGINNING + timedelta(days=number)
        case types.Date():
            return BEGINNING.date() + timedelta(days=number)
        case types.Time():
            return time(number % 24, 2, 3)
        case types.Interval():
            return timedelta(days=number)
        case types.ARRAY():
            return [sample(kind.item_type, number, large=large)]
    return str(number)
