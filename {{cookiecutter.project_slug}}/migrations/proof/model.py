"""What the models say of a table, for rows that are made up before it is so."""

from contextlib import suppress
from typing import Any

from flask import current_app
from sqlalchemy import CheckConstraint, Column, Connection, Table, func, not_, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.elements import Grouping


def refers(column: Column[Any]) -> bool:
    """Whether it is, or is about to be, in a foreign key."""
    table = _model(column.table)
    return (
        table is not None and column.name in table.columns and bool(table.columns[column.name].foreign_keys)
    )


def breaks_a_check(connection: Connection, table: Table) -> bool:
    """Whether a row breaks a CHECK that may be about to come."""
    model = _model(table)
    for check in model.constraints if model is not None else ():
        if isinstance(check, CheckConstraint):
            broken = select(func.count()).select_from(model).where(not_(Grouping(check.sqltext)))
            with suppress(DBAPIError), connection.begin_nested():  # its columns may be about to come, too
                if connection.scalar(broken):
                    return True
    return False


def _model(table: Any) -> Table | None:
    tables: dict[str, Table] = current_app.extensions["migrate"].db.metadata.tables
    return tables.get(table.fullname)
