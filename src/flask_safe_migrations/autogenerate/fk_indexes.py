"""Drop the index that MariaDB creates for a foreign key, and keeps when the foreign key is dropped.

https://mariadb.com/kb/en/foreign-keys/ ("an index will be created automatically")
"""

from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import ForeignKeyConstraint, Table, UniqueConstraint

from ..context import Comparison
from .operations import dotted


def drop_along(operation: ops.ModifyTableOps, reflected: Table, wanted: Table) -> None:
    """Drop the existing index together with its foreign key."""
    indexes = {str(index.name): index for index in reflected.indexes}
    for key in _dropped(operation):
        if str(key.name) in indexes.keys() - {str(index.name) for index in wanted.indexes}:
            operation.ops.append(ops.DropIndexOp.from_index(indexes[str(key.name)]))


def drop_fk_indexes(migration: MigrationContext, operations: list[Any]) -> list[Any]:
    """Do the same in a downgrade, in place. The index does not exist yet."""
    if Comparison.of(migration).database.normalizer.indexes_foreign_keys:
        metadata: Any = migration.opts["target_metadata"]
        for table in operations:
            for key in _dropped(table):
                if not _has_index(metadata.tables[dotted(table.schema, table.table_name)], key):
                    index = ops.DropIndexOp(str(key.name), table.table_name, schema=table.schema)
                    table.ops.append(index)
    return operations


def _dropped(table: Any) -> list[ForeignKeyConstraint]:
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
