"""Compare the names of primary and foreign keys, which Alembic ignores, and the columns of primary keys."""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import ForeignKeyConstraint, Table

from ... import _compat
from ...context import Comparison
from ..findings import log
from ..fk_indexes import drop_along
from ..unsupported import refuse

RECIPE = (
    "for which write op.drop_constraint() and op.create_primary_key(), and think of the foreign keys that "
    "lead there; the new key has to be unique in every row"
)


def compare(
    context: AutogenContext,
    operation: ops.ModifyTableOps,
    _schema: str | None,
    _name: str,
    reflected: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    if reflected is None or wanted is None:
        return PriorityDispatchResult.CONTINUE
    migration = context.migration_context
    had = [column.name for column in reflected.primary_key]
    wants = [column.name for column in wanted.primary_key]
    if had != wants:
        told = f"({', '.join(had)}) to ({', '.join(wants)})"
        refuse(migration, f"The primary key of table {wanted.fullname} has changed from {told}", RECIPE)
    elif had and Comparison.of(migration).database.normalizer.names_primary_keys:
        _follow(context, operation, reflected.primary_key, wanted.primary_key, "primary_key_constraint")
    taken = {str(step.constraint_name) for step in operation.ops if isinstance(step, ops.DropConstraintOp)}
    old = {
        _signature(context, key, "reflected"): key
        for key in _foreign(reflected)
        if str(key.name) not in taken
    }
    for key in sorted(_foreign(wanted), key=lambda key: str(key.name)):
        if before := old.get(_signature(context, key, "metadata")):
            _follow(context, operation, before, key, "foreign_key_constraint")
    if Comparison.of(migration).database.normalizer.indexes_foreign_keys:
        drop_along(operation, reflected, wanted)
    return PriorityDispatchResult.CONTINUE


def _follow(
    context: AutogenContext, operation: ops.ModifyTableOps, before: Any, after: Any, kind: Any
) -> None:
    """Drop and create a key whose name differs. names.py makes that a rename if the engine supports it."""
    name = _compat.constraint_name(after, context.dialect)
    if before.name and name and str(before.name) != name:
        if not context.run_object_filters(after, name, kind, False, before):
            return
        what = kind.replace("_", " ")
        log.info("Detected renamed %s %r to %r on %r", what, str(before.name), name, after.table.fullname)
        operation.ops.append(ops.DropConstraintOp.from_constraint(before))
        operation.ops.append(ops.AddConstraintOp.from_constraint(after))


def _foreign(table: Table) -> list[ForeignKeyConstraint]:
    return [found for found in table.constraints if isinstance(found, ForeignKeyConstraint)]


def _signature(context: AutogenContext, key: ForeignKeyConstraint, side: str) -> Any:
    return getattr(context.migration_context.impl, f"_create_{side}_constraint_sig")(key).unnamed
