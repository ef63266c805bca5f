"""What is dropped and made again under another name, and is the same otherwise, is renamed where that can be.

It follows a renamed column or table, whose name the conventional names hold. Making an index anew takes
long and blocks writes; renaming it does not.
"""

from collections.abc import Callable
from typing import Any

from alembic.operations import ops
from sqlalchemy import UniqueConstraint

NOTHING = {"None", "False", "{}", "[]"}
OPTIONS = ("ondelete", "onupdate", "deferrable", "initially", "sqltext")
# Takes table, kind ("Index" or a constraint's class, "" for both), old and new name; None where it cannot be.
Renamer = Callable[[ops.ModifyTableOps, str, str, str], str | None]


def renamed(operations: list[Any], renamer: Renamer) -> list[Any]:
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            operation.ops[:] = _renamed(operation, renamer)
    return operations


def _renamed(table: ops.ModifyTableOps, renamer: Renamer) -> list[Any]:
    gone = {_definition(step): step for step in table.ops if _is_drop(step)}
    replaced: dict[int, Any] = {}
    for step in table.ops:
        old = None if _is_drop(step) else gone.get(_definition(step))
        if old is None or _name(old) == _name(step):
            continue
        if sql := renamer(table, _kind(old, step), _name(old), _name(step)):
            replaced |= {id(old): None, id(step): ops.ExecuteSQLOp(sql)}
    steps = (replaced.get(id(step), step) for step in table.ops)
    return [step for step in steps if step is not None]


def _is_drop(step: Any) -> bool:
    return isinstance(step, ops.DropIndexOp | ops.DropConstraintOp)


def _element(step: Any) -> Any:
    """The Index or Constraint that an operation is about; None for any other operation."""
    if isinstance(step, ops.CreateIndexOp | ops.DropIndexOp):
        return step.to_index()
    if isinstance(step, ops.AddConstraintOp | ops.DropConstraintOp):
        return step.to_constraint()
    return None


def _definition(step: Any) -> Any:
    """All but the name, to compare two operations; to MariaDB a unique constraint is an index."""
    element = _element(step)
    if element is None:
        return None
    unique = isinstance(element, UniqueConstraint) or getattr(element, "unique", False)
    columns = [str(column).rpartition(".")[2] for column in getattr(element, "expressions", element.columns)]
    told = ["unique" if unique else _kind(step), *columns]
    told += [key.target_fullname for key in getattr(element, "elements", ())]
    options = [(name, getattr(element, name, None)) for name in OPTIONS]
    options += sorted(element.dialect_kwargs.items())
    # As text: SQL cannot be asked whether it is true.
    return (*told, *(f"{name} {value}" for name, value in options if str(value) not in NOTHING))


def _kind(*steps: Any) -> str:
    """The name of the class, or nothing where they are of different ones."""
    kinds = {type(_element(step)).__name__ for step in steps}
    return kinds.pop() if len(kinds) == 1 else ""


def _name(step: Any) -> str:
    return str(_element(step).name)
