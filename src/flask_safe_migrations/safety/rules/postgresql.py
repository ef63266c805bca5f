"""What blocks on PostgreSQL: https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES"""

import re
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from sqlalchemy.dialects import postgresql

from ..case import Case, Found, Rule, judges
from ..column_types import rewrites
from ..formatting import plain_sql
from .common import types

# The same for all rows of a statement; any other function is taken for a volatile one.
STABLE = {
    "now", "current_timestamp", "current_date", "current_time", "localtimestamp", "localtime",
    "transaction_timestamp", "statement_timestamp", "current_user", "session_user", "current_setting",
    "lower", "upper", "concat", "coalesce", "to_timestamp", "make_interval", "array", "jsonb_build_object",
    "json_build_object", "varchar", "numeric", "interval", "timezone",
}  # fmt: skip


def on_postgresql(operation: type) -> Callable[[Rule], Rule]:
    """Nothing blocks on a table that the same revision has made."""

    def register(rule: Rule) -> Rule:
        return judges(operation, "PostgreSQL")(lambda case: iter(()) if case.is_new else rule(case))

    return register


@on_postgresql(ops.CreateIndexOp)
def index(case: Case) -> Found:
    if not case.operation.kw.get("postgresql_concurrently"):
        yield "index", {}


@judges(ops.CreateIndexOp, "PostgreSQL")
@judges(ops.DropIndexOp, "PostgreSQL")
def concurrently(case: Case) -> Found:
    if not case.operation.kw.get("postgresql_concurrently"):
        return
    if not case.recorded.autocommit:
        yield "index_in_transaction", {}
    others = [
        found for found in case.everything if found is not case.recorded and not _same_index(found, case)
    ]
    if others:
        yield "index_beside_others", {}


def _same_index(found: Any, case: Case) -> bool:
    """An invalid index that an earlier try has left is dropped first."""
    name = str(case.operation.index_name)
    return any(re.search(rf"DROP INDEX .*\b{re.escape(name)}\b", sql) for sql in found.statements)


@on_postgresql(ops.CreateForeignKeyOp)
def foreign_key(case: Case) -> Found:
    if not case.operation.kw.get("postgresql_not_valid"):
        yield "foreign_key", {}


@on_postgresql(ops.CreateCheckConstraintOp)
def check(case: Case) -> Found:
    if not case.operation.kw.get("postgresql_not_valid"):
        yield "check", {}


@on_postgresql(ops.CreateUniqueConstraintOp)
def unique(case: Case) -> Found:
    yield "unique", {}


@on_postgresql(ops.MigrateOperation)
def exclude(case: Case) -> Found:
    if type(case.operation).__name__ == "CreateExcludeConstraintOp":
        yield "exclude", {}


@on_postgresql(ops.AlterColumnOp)
def set_not_null(case: Case) -> Found:
    column = case.column(case.operation.column_name)
    if case.operation.modify_nullable is not False or (column is not None and not column.nullable):
        return
    if not _checked(case):
        yield "set_not_null", {}


def _checked(case: Case) -> bool:
    """Whether a validated CHECK says the same: then PostgreSQL does not look at the rows."""
    table = case.recorded.table
    name = re.escape(case.operation.column_name)
    for constraint in table.constraints if table is not None else ():
        if isinstance(constraint, sa.CheckConstraint):
            options = {**constraint.dialect_kwargs, **constraint.dialect_kwargs.get("dialect_options", {})}
            valid = not (options.get("not_valid") or options.get("postgresql_not_valid"))
            if valid and re.fullmatch(rf'\(*"?{name}"? IS NOT NULL\)*', str(constraint.sqltext), re.I):
                return True
    return False


@on_postgresql(ops.AlterColumnOp)
def change_type(case: Case) -> Found:
    if case.operation.modify_type is None:
        return
    old, new = types(case)
    names = {"old": case.type_name(old) if old is not None else "…", "new": case.type_name(new)}
    if _is_json(new) and not _is_json(old):
        yield "json", {}
    if names["old"] != names["new"] and (old is None or rewrites(old, new)):
        yield "change_type", names


@on_postgresql(ops.AddColumnOp)
def rewriting_column(case: Case) -> Found:
    column = case.operation.column
    if _is_json(column.type):
        yield "json", {}
    if column.computed is not None:
        if column.computed.persisted is not False:
            yield "stored_generated", {}
    elif column.identity is not None or any(
        re.search(r"\b\w*SERIAL\b", sql) for sql in case.recorded.statements
    ):
        yield "serial", {}
    elif column.server_default is not None and _is_volatile(case, column.server_default):
        yield "volatile_default", {}


def _is_volatile(case: Case, default: Any) -> bool:
    argument = getattr(default, "arg", default)
    if isinstance(argument, str):
        return False
    called = re.sub(r"'(?:[^']|'')*'", "", plain_sql(argument, case.recorded.dialect))
    return bool({name.casefold() for name in re.findall(r"(\w+)\s*\(", called)} - STABLE)


def _is_json(kind: Any) -> bool:
    return isinstance(kind, sa.JSON) and not isinstance(kind, postgresql.JSONB)
