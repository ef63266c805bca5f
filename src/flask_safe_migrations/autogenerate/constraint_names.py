"""Rename an index or constraint, instead of dropping and creating it, if only the name differs.

This happens when a column or table is renamed, because the naming convention includes its name. Creating
an index again is slow and blocks writes. Renaming it does not.
"""

from collections.abc import Callable, Iterator
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Constraint, Dialect, MetaData, Table, UniqueConstraint

from .. import NAMING_CONVENTION, _compat
from ..backends.escaping import escaped
from ..errors import MigrationError
from .unsupported import describe_unnamed_drop

EMPTY_OPTIONS = {"None", "False", "{}", "[]"}
OPTIONS = ("ondelete", "onupdate", "deferrable", "initially", "sqltext")
# Takes table, kind ("Index", a constraint's class, or "" for both), old and new name. None if impossible.
Renamer = Callable[[ops.ModifyTableOps, str, str, str], str | None]


def name_new_constraints(operations: list[Any], dialect: Dialect) -> None:
    """Name what the models leave without a name: SQLite cannot create it, and no downgrade could drop it."""
    kinds: Any = (ops.AddConstraintOp, ops.DropConstraintOp)
    for _table, step in _steps(operations):
        if isinstance(step, kinds) and not step.constraint_name:
            step.constraint_name = _compat.constraint_name(_by_convention(step.to_constraint()), dialect)


def refuse_unnamed_drops(migration: MigrationContext, operations: list[Any]) -> None:
    """Raise MigrationError for a constraint of the database that has no name, also if its column goes.

    In the latter case, the downgrade could not create it again without a name.
    """
    dropped = set()
    for table, step in _steps(operations):
        if isinstance(step, ops.DropColumnOp):
            dropped.add((table.table_name, step.column_name))
        if isinstance(step, ops.DropConstraintOp) and not step.constraint_name:
            constraint: Any = step.to_constraint()
            kind = str(constraint.__visit_name__).replace("_", " ")
            names = [column.name for column in constraint.columns]
            raise MigrationError(describe_unnamed_drop(kind, table.table_name, names))
    for unique in migration.opts["unnamed_unique"]:
        names = [column.name for column in unique.columns]
        if any((unique.table.name, name) in dropped for name in names):
            raise MigrationError(describe_unnamed_drop("unique constraint", unique.table.name, names))


def _steps(operations: list[Any]) -> Iterator[tuple[ops.ModifyTableOps, Any]]:
    for table in operations:
        for step in table.ops if isinstance(table, ops.ModifyTableOps) else ():
            yield table, step


def _by_convention(constraint: Any) -> Constraint:
    table: Table = constraint.table.to_metadata(MetaData(naming_convention=NAMING_CONVENTION))
    kind: type[Constraint] = type(constraint)
    return next(each for each in table.constraints if isinstance(each, kind))


def rename_instead_of_drop(operations: list[Any], renamer: Renamer, dialect: Dialect) -> None:
    """Replace a drop and a create that differ only in the name, in place.

    A name by the convention that is too long for the engine is shortened, as SQLAlchemy does it when it
    creates the index or constraint: https://docs.sqlalchemy.org/en/21/core/constraints.html
    """
    for table in operations:
        if not isinstance(table, ops.ModifyTableOps):
            continue
        dropped = {_definition(step): step for step in table.ops if _is_drop(step)}
        replaced: dict[int, Any] = {}
        for step in table.ops:
            old = None if _is_drop(step) else dropped.get(_definition(step))
            if old is None:
                continue
            names = [_compat.constraint_name(_element(each), dialect) or "" for each in (old, step)]
            if names[0] != names[1] and (sql := renamer(table, _kind(old, step), *names)):
                replaced |= {id(old): None, id(step): ops.ExecuteSQLOp(escaped(sql))}
        steps: list[Any] = [replaced.get(id(step), step) for step in table.ops]
        table.ops[:] = [step for step in steps if step is not None]


def _is_drop(step: Any) -> bool:
    return isinstance(step, ops.DropIndexOp | ops.DropConstraintOp)


def _element(step: Any) -> Any:
    """Return the Index or Constraint of an operation, or None for other operations."""
    if isinstance(step, ops.CreateIndexOp | ops.DropIndexOp):
        return step.to_index()
    if isinstance(step, ops.AddConstraintOp | ops.DropConstraintOp):
        return step.to_constraint()
    return None


def _definition(step: Any) -> Any:
    """Return all but the name, to compare two operations. In MariaDB a unique constraint is an index."""
    element = _element(step)
    if element is None:
        return None
    unique = isinstance(element, UniqueConstraint) or getattr(element, "unique", False)
    columns = [str(column).rpartition(".")[2] for column in getattr(element, "expressions", element.columns)]
    parts = ["unique" if unique else _kind(step), *columns]
    parts += [key.target_fullname for key in getattr(element, "elements", ())]
    options = [(name, getattr(element, name, None)) for name in OPTIONS]
    options += sorted(element.dialect_kwargs.items())
    # Compare as text: an SQL expression has no truth value.
    return (*parts, *(f"{name} {value}" for name, value in options if str(value) not in EMPTY_OPTIONS))


def _kind(*steps: Any) -> str:
    """Return the name of the class, or an empty string if the classes differ."""
    kinds = {type(_element(step)).__name__ for step in steps}
    return kinds.pop() if len(kinds) == 1 else ""
