"""Rules for MariaDB and MySQL: what the server cannot do while others write, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from . import OperationContext, Violations, register_rule
from .common import get_types

MESSAGE_KEYS: dict[type, str] = {
    ops.CreateIndexOp: "index",
    ops.CreateForeignKeyOp: "foreign_key",
    ops.CreateCheckConstraintOp: "check",
    ops.CreateUniqueConstraintOp: "unique",
}


@register_rule(ops.MigrateOperation, "MariaDB")
def blocking_operation(context: OperationContext) -> Violations:
    """Report what online_ddl_probe.py has found, with the message that fits the operation."""
    if (
        context.recorded.blocking_reasons
        and not context.is_new
        and not _changes_primary_key(context.operation)
    ):
        yield from _choose_message(context, context.operation)


@register_rule(ops.AlterColumnOp, "MariaDB")
def set_not_null(context: OperationContext) -> Violations:
    column = context.column(context.operation.column_name)
    if (
        context.operation.modify_nullable is False
        and (column is None or column.nullable)
        and not context.is_new
    ):
        yield "set_not_null", {}


def _choose_message(context: OperationContext, operation: Any) -> Violations:
    if isinstance(operation, ops.AddColumnOp):
        if operation.column.computed is not None:
            yield "stored_generated", {}
        else:
            yield ("volatile_default" if operation.column.server_default is not None else "blocks"), {}
    elif isinstance(operation, ops.AlterColumnOp):
        if operation.modify_type is not None:
            old, new = get_types(context)
            yield "change_type", {"old": context.format_type(old), "new": context.format_type(new)}
        elif operation.modify_nullable is not False:
            yield "blocks", {}
    else:
        yield MESSAGE_KEYS.get(type(operation), "blocks"), {}


def _changes_primary_key(operation: Any) -> bool:
    """Whether a rule for all engines applies already."""
    drops = isinstance(operation, ops.DropConstraintOp) and operation.constraint_type == "primary"
    return drops or isinstance(operation, ops.CreatePrimaryKeyOp)


@register_rule(ops.DropIndexOp, "MariaDB")
@register_rule(ops.DropColumnOp, "MariaDB")
def index_of_foreign_key(context: OperationContext) -> Violations:
    """Errors 1553 and 1828: a foreign key needs its columns, and an index that begins with them."""
    table, operation = context.recorded.table, context.operation
    if table is None:
        return
    for key in table.foreign_key_constraints:
        columns = [column.name for column in key.columns]
        if key.name in _dropped_before(context):
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


def _dropped_before(context: OperationContext) -> set[str]:
    """Return the constraints dropped earlier; a batch reads the table before any of its operations runs."""
    names = set()
    for recorded in context.all_operations:
        if recorded is context.recorded:
            break
        if isinstance(recorded.operation, ops.DropConstraintOp):
            names.add(str(recorded.operation.constraint_name))
    return names
