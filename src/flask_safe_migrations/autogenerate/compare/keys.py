"""Compare the names of primary and foreign keys, which Alembic ignores, and the columns of primary keys.

MariaDB creates an index for a foreign key, and keeps it when the foreign key is dropped. It is dropped here.
https://mariadb.com/kb/en/foreign-keys/ ("an index will be created automatically")
"""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint

from ... import _compat
from ...context import Comparison
from ..filters import log
from ..operations import qualified_name
from ..unsupported import describe_unnamed_drop, refuse

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
        change = f"({', '.join(had)}) to ({', '.join(wants)})"
        refuse(migration, f"The primary key of table {wanted.fullname} has changed from {change}", RECIPE)
    elif had and Comparison.of(migration).database.normalizer.names_primary_keys:
        _rename_key(context, operation, reflected.primary_key, wanted.primary_key, "primary_key_constraint")
    _compare_unnamed_unique(context, reflected, wanted)
    taken = {str(step.constraint_name) for step in operation.ops if isinstance(step, ops.DropConstraintOp)}
    old = {
        _signature(context, key, "reflected"): key
        for key in _foreign(reflected)
        if str(key.name) not in taken
    }
    for key in sorted(_foreign(wanted), key=lambda key: str(key.name)):
        if before := old.get(_signature(context, key, "metadata")):
            _rename_key(context, operation, before, key, "foreign_key_constraint")
    if Comparison.of(migration).database.normalizer.indexes_foreign_keys:
        _drop_existing_indexes(context, operation, reflected, wanted)
    return PriorityDispatchResult.CONTINUE


def _compare_unnamed_unique(context: AutogenContext, reflected: Table, wanted: Table) -> None:
    """Find what Alembic passes over: a UNIQUE without a name (SQLite) that the models no longer have."""
    options = context.migration_context.opts
    unique: list[Any] = [each for each in wanted.constraints if isinstance(each, UniqueConstraint)]
    unique += [index for index in wanted.indexes if index.unique]
    known = [{column.name for column in each.columns} for each in unique]
    for constraint in reflected.constraints:
        if not isinstance(constraint, UniqueConstraint) or constraint.name:
            continue
        columns = [column.name for column in constraint.columns]
        if set(columns) in known:
            continue
        if not context.run_object_filters(constraint, None, "unique_constraint", True, None):
            continue
        if all(name in wanted.columns for name in columns):
            options["refused"].append(describe_unnamed_drop("unique constraint", wanted.fullname, columns))
        options["unnamed_unique"].append(constraint)


def _rename_key(
    context: AutogenContext, operation: ops.ModifyTableOps, before: Any, after: Any, kind: Any
) -> None:
    """Drop and create a key whose name differs. constraint_names.py makes that a rename where possible."""
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


def _drop_existing_indexes(
    context: AutogenContext, operation: ops.ModifyTableOps, reflected: Table, wanted: Table
) -> None:
    """Drop the existing index together with its foreign key."""
    indexes = {str(index.name): index for index in reflected.indexes}
    kept = {_compat.constraint_name(index, context.dialect) for index in wanted.indexes}
    for key in _dropped_keys(operation):
        if str(key.name) in indexes.keys() - kept:
            operation.ops.append(ops.DropIndexOp.from_index(indexes[str(key.name)]))


def drop_foreign_key_indexes(migration: MigrationContext, operations: list[Any]) -> None:
    """Drop, in a downgrade, the index together with its foreign key. The index does not exist yet."""
    if not Comparison.of(migration).database.normalizer.indexes_foreign_keys:
        return
    metadata: Any = migration.opts["target_metadata"]
    for table in operations:
        for key in _dropped_keys(table):
            if not _has_index(metadata.tables[qualified_name(table.schema, table.table_name)], key):
                name = _compat.constraint_name(key, migration.dialect) or ""
                table.ops.append(ops.DropIndexOp(name, table.table_name, schema=table.schema))


def _dropped_keys(table: Any) -> list[ForeignKeyConstraint]:
    """Return the dropped foreign keys whose index remains.

    Dropping the column drops the index too. A foreign key that is created again under the same name reuses
    the index.
    """
    steps = list(table.ops) if isinstance(table, ops.ModifyTableOps) else []
    gone = {step.column_name for step in steps if isinstance(step, ops.DropColumnOp)}
    found = [step.to_constraint() for step in steps if isinstance(step, ops.DropConstraintOp)]
    again = {step.constraint_name for step in steps if isinstance(step, ops.CreateForeignKeyOp)}
    keys = [key for key in found if isinstance(key, ForeignKeyConstraint) and key.name not in again]
    return [key for key in keys if not set(key.column_keys) <= gone]


def _has_index(model: Table, key: ForeignKeyConstraint) -> bool:
    """Return whether an index of the models begins with the columns of the key."""
    found: list[Any] = [model.primary_key, *model.indexes]
    found += [unique for unique in model.constraints if isinstance(unique, UniqueConstraint)]
    wanted = list(key.column_keys)
    return any([column.name for column in item.columns][: len(wanted)] == wanted for item in found)
