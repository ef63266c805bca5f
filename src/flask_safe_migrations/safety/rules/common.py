"""Rules for every engine. Their messages are in messages.py."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from ..column_types import may_lose_values
from ..revision_source import find_enums
from . import OperationContext, Violations, register_rule


@register_rule(ops.DropColumnOp)
def drop_column(context: OperationContext) -> Violations:
    if not context.is_new_column:
        yield "drop_column", {}


@register_rule(ops.DropTableOp)
def drop_table(context: OperationContext) -> Violations:
    if not context.is_new:
        yield "drop_table", {}


@register_rule(ops.AlterColumnOp)
def rename_column(context: OperationContext) -> Violations:
    if context.operation.modify_name and not context.is_new_column:
        yield "rename_column", {}


@register_rule(ops.RenameTableOp)
def rename_table(context: OperationContext) -> Violations:
    if not context.is_new and not _has_view_under_old_name(context):
        yield "rename_table", {}


def _has_view_under_old_name(context: OperationContext) -> bool:
    """Whether a view takes the old name, for code that still runs; on SQLite it could not write to it."""
    wanted = f"view {context.table} as".casefold()
    texts = (
        " ".join(sql.split()).casefold() for recorded in context.all_operations for sql in recorded.statements
    )
    return context.engine != "SQLite" and any(
        wanted in text.replace('"', "").replace("`", "") for text in texts
    )


@register_rule(ops.AddColumnOp)
def required_column(context: OperationContext) -> Violations:
    column = context.operation.column
    filled = column.server_default is not None or column.computed is not None or column.identity is not None
    if not context.is_new and not column.nullable and not filled and not _is_numbered_by_database(context):
        yield "required_column", {}


def _is_numbered_by_database(context: OperationContext) -> bool:
    return any(
        "SERIAL" in sql.upper() or "AUTO_INCREMENT" in sql.upper() for sql in context.recorded.statements
    )


@register_rule(ops.AlterColumnOp)
def narrow_type(context: OperationContext) -> Violations:
    operation = context.operation
    if operation.modify_type is None or context.is_new:
        return
    old, new = get_types(context)
    if old is None or (context.format_type(old) == context.format_type(new) and not isinstance(new, sa.Enum)):
        return
    if isinstance(old, sa.Enum) and isinstance(new, sa.Enum):
        if removed := [value for value in old.enums if value not in new.enums]:
            yield "remove_enum_value", {"values": ", ".join(map(repr, removed))}
    elif may_lose_values(old, new):
        yield "narrow_type", {"old": context.format_type(old), "new": context.format_type(new)}


def get_types(context: OperationContext) -> tuple[Any, Any]:
    """Return the old and the new type of a column; only the revision knows the values of an enum."""
    operation = context.operation
    new = sa.types.to_instance(operation.modify_type)
    if isinstance(new, sa.Enum) and isinstance(operation.existing_type, sa.Enum):
        return operation.existing_type, new
    column = context.column(operation.column_name)
    old = column.type if column is not None else operation.existing_type
    if isinstance(new, sa.Enum) and isinstance(old, sa.String) and not isinstance(old, sa.Enum):
        return _find_stored_enum(context, old, new) or old, new
    return old, new


def _find_stored_enum(context: OperationContext, old: sa.String, new: sa.Enum) -> sa.Enum | None:
    """Return the Enum of other revisions that is stored as the text `old`, if the engine has no such type.

    If there are several, it has the values of all.
    """
    path = context.recorded.path
    files = path.parent.glob("*.py") if path else ()
    found = [
        values
        for file in sorted(files)
        if file != path
        for name, values, length in find_enums(file)
        if name == new.name and length == old.length
    ]
    values = dict.fromkeys(value for each in found for value in each)
    return sa.Enum(*values, name=new.name, native_enum=False) if found else None


@register_rule(ops.MigrateOperation)
def remove_enum_value(context: OperationContext) -> Violations:
    """Check the operations of alembic-postgresql-enum."""
    old, new = (getattr(context.operation, name, None) for name in ("old_values", "new_values"))
    if isinstance(old, list) and isinstance(new, list) and (removed := [v for v in old if v not in new]):
        yield (
            "remove_enum_value",
            {
                "thing": getattr(context.operation, "name", "…"),
                "values": ", ".join(map(repr, removed)),
            },
        )


@register_rule(ops.CreatePrimaryKeyOp)
def create_primary_key(context: OperationContext) -> Violations:
    if not context.is_new:
        yield "primary_key", {}


@register_rule(ops.DropConstraintOp)
def drop_primary_key(context: OperationContext) -> Violations:
    if context.operation.constraint_type == "primary" and not context.is_new:
        yield "primary_key", {}
