"""What the models say of a table, for rows that are made up before it is so."""

from contextlib import suppress
from typing import Any

from sqlalchemy import CheckConstraint, Column, Connection, Table, func, not_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import Grouping


def refers(model: Table | None, column: Column[Any]) -> bool:
    """Whether it is, or is about to be, in a foreign key."""
    return (
        model is not None and column.name in model.columns and bool(model.columns[column.name].foreign_keys)
    )


def breaks_a_check(connection: Connection, model: Table | None) -> bool:
    """Whether a row breaks a CHECK that may be about to come."""
    if model is None:
        return False
    for check in model.constraints:
        if isinstance(check, CheckConstraint):
            broken = select(func.count()).select_from(model).where(not_(Grouping(check.sqltext)))
            with suppress(DBAPIError), connection.begin_nested():  # its columns may be about to come, too
                if connection.scalar(broken):
                    return True
    return False
