"""Take a foreign key away while the type of one of its columns changes, or its index, and put it back.

MariaDB refuses to change the type of either column (errors 1832 and 1833), even to a longer VARCHAR.
PostgreSQL refuses it where the types cannot be compared, because each column changes by itself.
https://mariadb.com/kb/en/foreign-keys/
"""

from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, Table

from .. import _compat
from ..context import Comparison
from .key_indexes import find_needed_indexes
from .ordering import foreign_keys, referred_table, separate_key

# Schema, table and column.
ColumnKey = tuple[str | None, str, str]


def take_out_foreign_keys(
    migration: MigrationContext, operations: list[Any]
) -> tuple[list[ops.ModifyTableOps], list[ops.ModifyTableOps]]:
    """Return what drops the foreign keys before all other operations, and what creates them after these.

    A foreign key that is itself dropped or created among the operations is taken out of them.
    """
    changed = _changed_columns(migration, operations)
    late, away = find_needed_indexes(migration, operations)
    drops: list[ops.ModifyTableOps] = []
    creates: list[ops.ModifyTableOps] = []
    for table_operation, step in late:
        table_operation.ops.remove(step)
        creates.append(ops.ModifyTableOps(table_operation.table_name, [step], schema=table_operation.schema))
    if not changed and not away:
        return drops, creates
    seen: set[tuple[str | None, str, str | None]] = set()
    for operation in operations:
        if isinstance(operation, ops.CreateTableOp | ops.DropTableOp):
            keys = foreign_keys(operation.to_table())
            found = [separate_key(operation, key) for key in keys if _uses(key, changed)]
            (creates if isinstance(operation, ops.CreateTableOp) else drops).extend(found)
            seen |= {_identity(key, migration) for key in keys}
        elif isinstance(operation, ops.ModifyTableOps):
            for step in [each for each in operation.ops if _foreign_key(each) is not None]:
                key: Any = _foreign_key(step)
                seen.add(_identity(key, migration))
                if _uses(key, changed):
                    operation.ops.remove(step)
                    separate = ops.ModifyTableOps(operation.table_name, [step], schema=operation.schema)
                    (drops if isinstance(step, ops.DropConstraintOp) else creates).append(separate)
    for table in migration.opts["target_metadata"].sorted_tables:
        for key in foreign_keys(table):
            name = _identity(key, migration)
            if name[-1] and name not in seen and (_uses(key, changed) or key in away):
                steps = ops.DropConstraintOp.from_constraint(key), ops.CreateForeignKeyOp.from_constraint(key)
                for step, into in zip(steps, (drops, creates), strict=True):
                    into.append(ops.ModifyTableOps(table.name, [step], schema=table.schema))
    return drops, creates


def _changed_columns(migration: MigrationContext, operations: list[Any]) -> set[ColumnKey]:
    is_in_the_way = Comparison.of(migration).database.normalizer.needs_no_foreign_key
    return {
        (step.schema, step.table_name, step.column_name)
        for operation in operations
        for step in getattr(operation, "ops", ())
        if isinstance(step, ops.AlterColumnOp)
        and step.modify_type is not None
        and is_in_the_way(step.existing_type, step.modify_type)
    }


def _foreign_key(step: Any) -> ForeignKeyConstraint | None:
    if not isinstance(step, ops.CreateForeignKeyOp | ops.DropConstraintOp):
        return None
    key = step.to_constraint()
    return key if isinstance(key, ForeignKeyConstraint) else None


def _identity(key: ForeignKeyConstraint, migration: MigrationContext) -> tuple[str | None, str, str | None]:
    table: Table = key.table
    return table.schema, table.name, _compat.constraint_name(key, migration.dialect)


def _uses(key: ForeignKeyConstraint, columns: set[ColumnKey]) -> bool:
    own = {(key.table.schema, key.table.name, column) for column in key.column_keys}
    referred = {(*referred_table(key), part.target_fullname.rpartition(".")[2]) for part in key.elements}
    return bool((own | referred) & columns)
