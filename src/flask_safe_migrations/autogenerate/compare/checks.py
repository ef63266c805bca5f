"""Compare CHECK constraints, including those of Boolean and Enum, by name and by the engine's text."""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.compare.util import _InspectorConv
from alembic.operations import ops
from alembic.util import PriorityDispatchResult, sqla_compat
from sqlalchemy import CheckConstraint, Column, Table
from sqlalchemy import text as sql_text
from sqlalchemy.sql.elements import conv

from ... import _compat
from ...backends.escaping import escape_reported_sql, escaped, without_name_quotes
from ...context import Comparison
from ..filters import is_name_included, log
from ..operations import escape_bind_params
from .temporary_table import read_stored_table


def compare(
    context: AutogenContext,
    operation: ops.ModifyTableOps,
    schema: str | None,
    name: str,
    reflected: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    if reflected is not None and wanted is None:  # for the downgrade
        escape_reported_sql(reflected)
    if reflected is None or wanted is None:
        return PriorityDispatchResult.CONTINUE
    _separate_type_checks(operation)
    checks = _InspectorConv(context.inspector).get_check_constraints(name, schema=schema)
    had = {
        str(check["name"]): check["sqltext"]
        for check in checks
        if check["name"] and is_name_included(context, "check_constraint", check["name"], schema, name)
    }
    wants = dict(_created(context, wanted))
    changed = _changed(context, wanted, had, wants)
    for found in sorted(had.keys() ^ wants.keys() | changed):
        drop = _drop(context, name, schema, found, had[found]) if found in had else None
        reflected_check: Any = drop.to_constraint() if drop else None
        check = wants.get(found, reflected_check)
        other = reflected_check if found in wants else None
        if not context.run_object_filters(check, found, "check_constraint", found not in wants, other):
            continue
        kind = "changed" if found in changed else "added" if found in wants else "removed"
        log.info("Detected %s check constraint %r on %r", kind, found, wanted.fullname)
        if drop:
            operation.ops.append(drop)
        if found in wants:
            text = context.migration_context.impl.render_ddl_sql_expr(wants[found].sqltext)
            create = ops.CreateCheckConstraintOp(conv(found), name, sql_text(text), schema=schema)
            operation.ops.append(create)
    return PriorityDispatchResult.CONTINUE


def _created(context: AutogenContext, table: Table) -> Iterator[tuple[str, CheckConstraint]]:
    """Yield the checks that this engine creates. PostgreSQL creates none for a Boolean."""
    compiler: Any = context.dialect.ddl_compiler(context.dialect, None)  # type: ignore[arg-type]
    for check in sqla_compat.all_table_check_constraints(table):
        name = _compat.constraint_name(check, context.dialect)
        if name and _compat.is_created(check, compiler):
            yield str(name), check


def _changed(context: AutogenContext, table: Table, had: Any, wants: Any) -> set[str]:
    migration = context.migration_context
    differ = {
        name
        for name in had.keys() & wants.keys()
        if without_name_quotes(escaped(had[name]))
        != without_name_quotes(migration.impl.render_ddl_sql_expr(wants[name].sqltext))
    }
    found = read_stored_table(migration, table) if differ else None
    return {name for name in differ if found and found.checks.get(name, had[name]) != had[name]}


def _drop(
    context: AutogenContext, table: str, schema: str | None, name: str, text: str
) -> ops.DropConstraintOp:
    condition = escape_bind_params(Comparison.of(context).database.normalizer.normalize_check(text))
    back = ops.CreateCheckConstraintOp(conv(name), table, condition, schema=schema)
    return ops.DropConstraintOp(conv(name), table, schema=schema, type_="check", _reverse=back)


def lift_column_checks(operations: list[Any]) -> None:
    """Move the CHECKs in the columns of new tables to the table, in place: Alembic does not render them."""
    for operation in operations:
        if isinstance(operation, ops.CreateTableOp):
            columns = [item for item in operation.columns if isinstance(item, Column)]
            found = [item for column in columns for item in column.constraints]
            checks = [item for item in found if isinstance(item, CheckConstraint)]
            lifted = [CheckConstraint(check.sqltext, name=check.name) for check in checks]
            operation.columns = [*operation.columns, *lifted]


def _separate_type_checks(operation: ops.ModifyTableOps) -> None:
    """Split off the check of a type. No engine adds or changes it together with the column."""
    for step in operation.ops:
        if isinstance(step, ops.AddColumnOp) and getattr(step.column.type, "create_constraint", False):
            step.column = _compat.copy_column(step.column)  # do not change the model's column
            step.column.type = _without_check(step.column.type)
        elif isinstance(step, ops.AlterColumnOp) and getattr(step.modify_type, "create_constraint", False):
            step.modify_type = _without_check(step.modify_type)


def _without_check(kind: Any) -> Any:
    kind = kind.copy()
    kind.create_constraint = False
    return kind
