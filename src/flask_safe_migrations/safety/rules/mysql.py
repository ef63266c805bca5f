"""MariaDB and MySQL: what the server would not do while others write, and what it refuses altogether."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from ..case import Case, Found, judges
from .common import types

KINDS: dict[type, str] = {
    ops.CreateIndexOp: "index",
    ops.CreateForeignKeyOp: "foreign_key",
    ops.CreateCheckConstraintOp: "check",
    ops.CreateUniqueConstraintOp: "unique",
}


@judges(ops.MigrateOperation, "MariaDB")
def refused(case: Case) -> Found:
    """The answer of the server, see trial.py, with the message that fits the operation."""
    if case.recorded.refused and not case.is_new and not _changes_primary_key(case.operation):
        yield from _worded(case, case.operation)


@judges(ops.AlterColumnOp, "MariaDB")
def set_not_null(case: Case) -> Found:
    column = case.column(case.operation.column_name)
    if case.operation.modify_nullable is False and (column is None or column.nullable) and not case.is_new:
        yield "set_not_null", {}


def _worded(case: Case, operation: Any) -> Found:
    if isinstance(operation, ops.AddColumnOp):
        if operation.column.computed is not None:
            yield "stored_generated", {}
        else:
            yield ("volatile_default" if operation.column.server_default is not None else "blocks"), {}
    elif isinstance(operation, ops.AlterColumnOp):
        if operation.modify_type is not None:
            old, new = types(case)
            yield "change_type", {"old": case.type_name(old), "new": case.type_name(new)}
        elif operation.modify_nullable is not False:
            yield "blocks", {}
    else:
        yield KINDS.get(type(operation), "blocks"), {}


def _changes_primary_key(operation: Any) -> bool:
    """These have a rule for all engines."""
    drops = isinstance(operation, ops.DropConstraintOp) and operation.constraint_type == "primary"
    return drops or isinstance(operation, ops.CreatePrimaryKeyOp)


@judges(ops.DropIndexOp, "MariaDB")
@judges(ops.DropColumnOp, "MariaDB")
def index_of_foreign_key(case: Case) -> Found:
    """Errors 1553 and 1828: a foreign key needs its columns, and an index that begins with them."""
    table, operation = case.recorded.table, case.operation
    if table is None:
        return
    for key in table.foreign_key_constraints:
        columns = [column.name for column in key.columns]
        if key.name in _dropped_before(case):
            continue
        if isinstance(operation, ops.DropColumnOp):
            needed = operation.column_name in columns
        else:
            others = [names for name, names in _indexes(table) if name != str(operation.index_name)]
            own = [names for name, names in _indexes(table) if name == str(operation.index_name)]
            needed = any(names[: len(columns)] == columns for names in own) and not any(
                names[: len(columns)] == columns for names in others
            )
        if needed:
            yield "index_of_foreign_key", {"key": key.name}


def _indexes(table: sa.Table) -> Iterator[tuple[str, list[str]]]:
    for index in table.indexes:
        yield str(index.name), [column.name for column in index.columns]
    yield "PRIMARY", [column.name for column in table.primary_key.columns]


def _dropped_before(case: Case) -> set[str]:
    """In a batch the table is read before any of it has run."""
    found = set()
    for recorded in case.everything:
        if recorded is case.recorded:
            break
        if isinstance(recorded.operation, ops.DropConstraintOp):
            found.add(str(recorded.operation.constraint_name))
    return found
