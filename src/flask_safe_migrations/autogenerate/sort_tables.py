"""Sort tables by their references. In a cycle, a foreign key is added after them and dropped before."""

from graphlib import CycleError, TopologicalSorter
from typing import Any

from alembic.operations import ops
from sqlalchemy import ForeignKeyConstraint, Table

Key = tuple[str | None, str]


def referred_first(operations: list[Any]) -> tuple[list[Any], list[Any]]:
    """Sort operations that create or drop tables, with referenced tables first.

    If there is a cycle, foreign keys are taken out. The second list holds separate operations that add them
    where tables are created, and drop them where tables are dropped.
    """
    tables = {(operation.schema, operation.table_name): operation for operation in operations}
    made = {key: operation.to_table() for key, operation in tables.items()}
    graph = {key: {_target(foreign) for foreign in _foreign(table)} - {key} for key, table in made.items()}
    apart: list[Any] = []
    for key, table in made.items():
        late = [foreign for foreign in _foreign(table) if foreign.use_alter and _target(foreign) in tables]
        for foreign in late:
            graph[key].discard(_target(foreign))
            apart.append(_apart(tables[key], table, foreign))
    while True:
        try:
            order = [key for key in TopologicalSorter(graph).static_order() if key in tables]
            return [tables[key] for key in order], apart
        except CycleError as error:
            # Each table is referenced by the next one.
            target, source = error.args[1][0], error.args[1][1]
            graph[source].discard(target)
            apart.extend(
                _apart(tables[source], made[source], foreign)
                for foreign in _foreign(made[source])
                if _target(foreign) == target
            )


def _foreign(table: Table) -> list[ForeignKeyConstraint]:
    found = [item for item in table.constraints if isinstance(item, ForeignKeyConstraint)]
    return sorted(found, key=lambda foreign: str(foreign.name))


def _target(foreign: ForeignKeyConstraint) -> Key:
    place = foreign.elements[0].target_fullname.rpartition(".")[0]
    schema, _, name = place.rpartition(".")
    return schema or None, name


def _apart(operation: Any, table: Table, foreign: ForeignKeyConstraint) -> ops.ModifyTableOps:
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
