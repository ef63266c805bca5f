"""Rules for PostgreSQL, whose locks block:

https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
"""

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from ...backends.escaping import LITERAL
from ..column_types import requires_rewrite
from ..description import format_sql
from . import OperationContext, Rule, Violations, register_rule
from .common import get_types

# Functions that return the same for all rows of a statement; any other is taken for a volatile one.
STABLE_FUNCTIONS = {
    "now", "current_timestamp", "current_date", "current_time", "localtimestamp", "localtime",
    "transaction_timestamp", "statement_timestamp", "current_user", "session_user", "current_setting",
    "lower", "upper", "concat", "coalesce", "to_timestamp", "make_interval", "array", "jsonb_build_object",
    "json_build_object", "varchar", "numeric", "interval", "timezone",
}  # fmt: skip


def register_blocking_rule(operation: type) -> Callable[[Rule], Rule]:
    """Register a rule for PostgreSQL that skips the tables the same revision creates: nobody uses them."""

    def register(rule: Rule) -> Rule:
        return register_rule(operation, "PostgreSQL")(
            lambda context: iter(()) if context.is_new else rule(context)
        )

    return register


@register_blocking_rule(ops.CreateIndexOp)
def index(context: OperationContext) -> Violations:
    if not context.operation.kw.get("postgresql_concurrently"):
        yield "index", {}


@register_rule(ops.CreateIndexOp, "PostgreSQL")
@register_rule(ops.DropIndexOp, "PostgreSQL")
def concurrent_index(context: OperationContext) -> Violations:
    if not context.operation.kw.get("postgresql_concurrently"):
        return
    if not context.recorded.autocommit:
        yield "index_in_transaction", {}
    others = [
        found
        for found in context.all_operations
        if found is not context.recorded and not _drops_same_index(found, context)
    ]
    if others:
        yield "index_beside_others", {}


def _drops_same_index(recorded: Any, context: OperationContext) -> bool:
    """Whether it drops an invalid index of the same name, left by an earlier attempt."""
    name = str(context.operation.index_name)
    return any(re.search(rf"DROP INDEX .*\b{re.escape(name)}\b", sql) for sql in recorded.statements)


@register_blocking_rule(ops.CreateForeignKeyOp)
def foreign_key(context: OperationContext) -> Violations:
    if not context.operation.kw.get("postgresql_not_valid"):
        yield "foreign_key", {}


@register_blocking_rule(ops.CreateCheckConstraintOp)
def check(context: OperationContext) -> Violations:
    if not context.operation.kw.get("postgresql_not_valid"):
        yield "check", {}


@register_blocking_rule(ops.CreateUniqueConstraintOp)
def unique(context: OperationContext) -> Violations:
    yield "unique", {}


@register_blocking_rule(ops.MigrateOperation)
def exclude(context: OperationContext) -> Violations:
    if type(context.operation).__name__ == "CreateExcludeConstraintOp":
        yield "exclude", {}


@register_blocking_rule(ops.AlterColumnOp)
def set_not_null(context: OperationContext) -> Violations:
    column = context.column(context.operation.column_name)
    if context.operation.modify_nullable is not False or (column is not None and not column.nullable):
        return
    if not _has_not_null_check(context):
        yield "set_not_null", {}


def _has_not_null_check(context: OperationContext) -> bool:
    """Whether a validated CHECK ensures it already: then PostgreSQL does not scan the rows."""
    table = context.recorded.table
    name = re.escape(context.operation.column_name)
    for constraint in table.constraints if table is not None else ():
        if isinstance(constraint, sa.CheckConstraint):
            options = {**constraint.dialect_kwargs, **constraint.dialect_kwargs.get("dialect_options", {})}
            valid = not (options.get("not_valid") or options.get("postgresql_not_valid"))
            if valid and re.fullmatch(rf'\(*"?{name}"? IS NOT NULL\)*', str(constraint.sqltext), re.I):
                return True
    return False


@register_blocking_rule(ops.AlterColumnOp)
def change_type(context: OperationContext) -> Violations:
    if context.operation.modify_type is None:
        return
    old, new = get_types(context)
    names = {"old": context.format_type(old) if old is not None else "…", "new": context.format_type(new)}
    if _is_json(new) and not _is_json(old):
        yield "json", {}
    if names["old"] != names["new"] and (old is None or requires_rewrite(old, new)):
        yield "change_type", names


@register_blocking_rule(ops.AddColumnOp)
def add_column(context: OperationContext) -> Violations:
    column = context.operation.column
    if _is_json(column.type):
        yield "json", {}
    if column.computed is not None:
        if column.computed.persisted is not False:
            yield "stored_generated", {}
    elif column.identity is not None or any(
        re.search(r"\b\w*SERIAL\b", sql) for sql in context.recorded.statements
    ):
        yield "serial", {}
    elif column.server_default is not None and _is_volatile(context, column.server_default):
        yield "volatile_default", {}


def _is_volatile(context: OperationContext, default: Any) -> bool:
    argument = getattr(default, "arg", default)
    if isinstance(argument, str):
        return False
    expression = LITERAL.sub("", format_sql(argument, context.recorded.dialect))
    return bool({name.casefold() for name in re.findall(r"(\w+)\s*\(", expression)} - STABLE_FUNCTIONS)


def _is_json(type_: Any) -> bool:
    return isinstance(type_, sa.JSON) and not isinstance(type_, postgresql.JSONB)
