"""Sort Alembic's operations into an order that works on every engine."""

from collections.abc import Iterable
from typing import Any

from alembic.operations import ops

from .sort_tables import referred_first


def in_order(operations: list[Any]) -> list[Any]:
    """Sort new tables first, with referenced tables before referring ones. Dropped tables are last, reversed.

    Alembic drops tables, in no particular order, before it drops the foreign keys that refer to them. It
    drops an index before the foreign key that needs it, or the table that includes it (MariaDB's error 1553).
    """
    first = [operation for operation in operations if getattr(operation, "first", None) is True]
    last = [operation for operation in operations if getattr(operation, "first", None) is False]
    operations = [operation for operation in operations if operation not in (*first, *last)]
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
    made, closing = referred_first(creates)
    dropped_tables, opening = referred_first(drops)
    return [*first, *made, *closing, *others, *opening, *reversed(dropped_tables), *last]


def _without_indexes(operations: Iterable[Any], dropped: set[tuple[str | None, str]]) -> list[Any]:
    return [
        operation
        for operation in operations
        if not (isinstance(operation, ops.DropIndexOp) and _key(operation) in dropped)
    ]


def _turn(operation: Any) -> int:
    """Drop constraints first, then indexes. All else keeps its order.

    A CHECK constraint comes last, because PostgreSQL includes the type of its column in the text.
    """
    turns = {ops.DropConstraintOp: 0, ops.DropIndexOp: 1, ops.CreateCheckConstraintOp: 3}
    return turns.get(type(operation), 2)


def _key(operation: Any) -> tuple[str | None, str]:
    return operation.schema, operation.table_name
