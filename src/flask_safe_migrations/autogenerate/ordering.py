"""Sort Alembic's operations into an order that works on every engine.

In a cycle of tables, a foreign key is added after them and dropped before.
"""

from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, Table

from ..backends.schema import TableName, target_table

Node = TypeVar("Node")


def sort_operations(operations: list[Any]) -> list[Any]:
    """Sort new tables first, with referenced tables before referring ones. Dropped tables are last, reversed.

    Alembic drops tables, in no particular order, before it drops the foreign keys that refer to them. It
    drops an index before the foreign key that needs it, or the table that includes it (MariaDB's error 1553).
    """
    creates = [operation for operation in operations if isinstance(operation, ops.CreateTableOp)]
    drops = [operation for operation in operations if isinstance(operation, ops.DropTableOp)]
    dropped = {_key(operation) for operation in drops}
    first: list[Any] = []
    others: list[Any] = []
    last: list[Any] = []
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            steps = [step for step in operation.ops if not _is_dropped_with_table(step, dropped)]
            operation.ops[:] = sorted(steps, key=_rank)
            if steps:
                others.append(operation)
        elif (is_first := getattr(operation, "first", None)) is not None:
            (first if is_first else last).append(operation)
        elif not isinstance(operation, ops.CreateTableOp | ops.DropTableOp):
            others.append(operation)
    created_tables, added_keys = sort_tables(creates)
    dropped_tables, dropped_keys = sort_tables(drops)
    return [*first, *created_tables, *added_keys, *others, *dropped_keys, *reversed(dropped_tables), *last]


def _is_dropped_with_table(step: Any, dropped: set[TableName]) -> bool:
    return isinstance(step, ops.DropIndexOp) and _key(step) in dropped


def _rank(operation: Any) -> int:
    """Drop constraints first, then indexes. All else keeps its order.

    A CHECK constraint comes last, because PostgreSQL includes the type of its column in the text.
    """
    ranks = {ops.DropConstraintOp: 0, ops.DropIndexOp: 1, ops.CreateCheckConstraintOp: 3}
    return ranks.get(type(operation), 2)


def _key(operation: Any) -> TableName:
    return operation.schema, operation.table_name


def sort_tables(operations: list[Any]) -> tuple[list[Any], list[Any]]:
    """Sort operations that create or drop tables, with referenced tables first.

    If there is a cycle, foreign keys are taken out. The second list holds separate operations that add them
    where tables are created, and drop them where tables are dropped.
    """
    by_key = {_key(operation): operation for operation in operations}
    tables = {key: operation.to_table() for key, operation in by_key.items()}
    graph = {
        key: {referred_table(foreign) for foreign in foreign_keys(table)} - {key}
        for key, table in tables.items()
    }
    separate: list[Any] = []
    for key, table in tables.items():
        for foreign in foreign_keys(table):
            if foreign.use_alter and referred_table(foreign) in by_key:
                graph[key].discard(referred_table(foreign))
                separate.append(separate_key(by_key[key], foreign))
    order, removed = break_cycles(graph)
    separate += [
        separate_key(by_key[source], foreign)
        for source, target in removed
        for foreign in foreign_keys(tables[source])
        if referred_table(foreign) == target
    ]
    return [by_key[key] for key in order if key in by_key], separate


def break_cycles(graph: dict[Node, set[Node]]) -> tuple[list[Node], list[tuple[Node, Node]]]:
    """Sort the nodes, referenced ones first. Return also the references (from, to) that had to be removed."""
    removed: list[tuple[Node, Node]] = []
    while True:
        try:
            return list(TopologicalSorter(graph).static_order()), removed
        except CycleError as error:
            target, source = error.args[1][:2]  # each node of the cycle is referenced by the next one
            graph[source].discard(target)
            removed.append((source, target))


def foreign_keys(table: Table) -> list[ForeignKeyConstraint]:
    found = [item for item in table.constraints if isinstance(item, ForeignKeyConstraint)]
    return sorted(found, key=lambda foreign: str(foreign.name))


def referred_table(foreign: ForeignKeyConstraint) -> TableName:
    return target_table(foreign.elements[0])


def separate_key(operation: Any, foreign: ForeignKeyConstraint) -> ops.ModifyTableOps:
    """Return a separate operation for a foreign key. The creation of its table is left without it."""
    if isinstance(operation, ops.DropTableOp):
        step: Any = ops.DropConstraintOp.from_constraint(foreign)
    else:
        foreign.use_alter = False
        step = ops.CreateForeignKeyOp.from_constraint(foreign)
        operation.columns = [
            item
            for item in operation.columns
            if not (isinstance(item, ForeignKeyConstraint) and item.name == foreign.name)
        ]
    return ops.ModifyTableOps(operation.table_name, [step], schema=operation.schema)
