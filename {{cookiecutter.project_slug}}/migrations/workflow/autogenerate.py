"""What Alembic's autogenerate hands over is tidied before it is written to a file."""

from collections.abc import Iterable
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext


def tidy(migration: MigrationContext, _revision: Any, directives: list[ops.MigrationScript]) -> None:
    """A `process_revision_directives` hook. It also runs for `flask db check`, so it never asks anything."""
    if not directives or not directives[0].upgrade_ops:
        return
    script = directives[0]
    config = migration.config
    autogenerating = bool(config and getattr(config.cmd_opts, "autogenerate", False))
    if autogenerating and all(found.is_empty() for found in script.upgrade_ops_list):
        directives.clear()  # no empty file
        return
    for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
        operations.ops[:] = _in_order(operations.ops)


def _in_order(operations: list[Any]) -> list[Any]:
    """MariaDB refuses to drop an index that a foreign key still needs (error 1553).

    A dropped table takes its indexes with it; elsewhere the foreign key goes first.
    """
    dropped = {_key(operation) for operation in operations if isinstance(operation, ops.DropTableOp)}
    kept = []
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            operation.ops[:] = sorted(_without_indexes(operation.ops, dropped), key=_is_index_drop)
            if not operation.ops:
                continue
        kept.append(operation)
    return kept


def _without_indexes(operations: Iterable[Any], dropped: set[tuple[Any, str]]) -> list[Any]:
    return [
        operation
        for operation in operations
        if not (isinstance(operation, ops.DropIndexOp) and _key(operation) in dropped)
    ]


def _is_index_drop(operation: Any) -> int:
    """Constraints go first, then indexes, then everything else in the order in which it was found."""
    if isinstance(operation, ops.DropConstraintOp):
        return 0
    return 1 if isinstance(operation, ops.DropIndexOp) else 2


def _key(operation: Any) -> tuple[Any, str]:
    return operation.schema, operation.table_name
