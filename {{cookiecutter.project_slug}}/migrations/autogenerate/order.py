"""Puts the operations that Alembic found into an order in which they work on every engine."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from typing import Any

from alembic.operations import ops


def in_order(operations: list[Any]) -> list[Any]:
    """New tables first, those referred to before those that refer; dropped tables last, the other way round.

    Alembic drops tables before it drops foreign keys that lead to them, in no order among themselves; and an
    index before the foreign key that needs it, or the table that takes it along (MariaDB's error 1553).
    """
    creates = [operation for operation in operations if isinstance(operation, ops.CreateTableOp)]
    drops = [operation for operation in operations if isinstance(operation, ops.DropTableOp)]
    dropped = {_key(operation) for operation in drops}
    others = []
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            operation.ops[:] = sorted(_without_indexes(operation.ops, dropped), key=_turn)
            others.append(operation)
        elif operation not in creates and operation not in drops:
            others.append(operation)
    others = [operation for operation in others if getattr(operation, "ops", True)]
    return [*_referred_first(creates), *others, *reversed(_referred_first(drops))]


def _referred_first(operations: list[Any]) -> list[Any]:
    """Sort by foreign keys; tables in a circle stay in the order they came in."""
    tables = {_key(operation): operation for operation in operations}
    graph = {}
    for key, operation in tables.items():
        keys = operation.to_table().foreign_keys
        targets = {tuple(foreign.target_fullname.rpartition(".")[0].rpartition(".")[::2]) for foreign in keys}
        graph[key] = [(schema or None, name) for schema, name in targets if (schema or None, name) != key]
    try:
        order = [key for key in TopologicalSorter(graph).static_order() if key in tables]
    except CycleError:
        return operations
    return [tables[key] for key in order]


def _without_indexes(operations: Iterable[Any], dropped: set[tuple[str | None, str]]) -> list[Any]:
    return [
        operation
        for operation in operations
        if not (isinstance(operation, ops.DropIndexOp) and _key(operation) in dropped)
    ]


def _turn(operation: Any) -> int:
    """Constraints are dropped first, then indexes; the rest stays in the order in which it was found."""
    if isinstance(operation, ops.DropConstraintOp):
        return 0
    return 1 if isinstance(operation, ops.DropIndexOp) else 2


def _key(operation: Any) -> tuple[str | None, str]:
    return operation.schema, operation.table_name
