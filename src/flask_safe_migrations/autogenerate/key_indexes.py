"""Keep an index for each foreign key while its indexes change.

MariaDB does not drop the last index that begins with the columns of a foreign key, on either side of it
(error 1553). The index is dropped after the one that replaces it, or else while the foreign key is away:
the server then creates an index of its own for it. https://mariadb.com/kb/en/foreign-keys/
"""

from collections.abc import Iterator
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, ForeignKeyConstraint, Index, Table, UniqueConstraint

from ..context import Comparison
from .constraint_names import EMPTY_OPTIONS
from .ordering import foreign_keys, referred_table

Step = tuple[ops.ModifyTableOps, Any]


def find_needed_indexes(
    migration: MigrationContext, operations: list[Any]
) -> tuple[list[Step], list[ForeignKeyConstraint]]:
    """Return the operations that must come last, and the foreign keys that must be away meanwhile."""
    late: list[Step] = []
    away: list[ForeignKeyConstraint] = []
    if not Comparison.of(migration).database.normalizer.indexes_foreign_keys:
        return late, away
    metadata: Any = migration.opts["target_metadata"]
    tables = {(table.schema, table.name): table for table in metadata.sorted_tables}
    sides = [side for table in tables.values() for key in foreign_keys(table) for side in _sides(key)]
    for operation in operations:
        table = tables.get((getattr(operation, "schema", None), getattr(operation, "table_name", "")))
        if not isinstance(operation, ops.ModifyTableOps) or table is None:
            continue
        here = [(key, columns) for key, place, columns in sides if place == (table.schema, table.name)]
        for step in [each for each in operation.ops if _is_drop(each)]:
            needing = [(key, names) for key, names in here if _begins_with(_element(step), names)]
            needing = [(key, names) for key, names in needing if not _has_other(table, operation, names)]
            if needing and all(_is_replaced(operation, step, names) for _key, names in needing):
                late.append((operation, step))
            else:
                away += [key for key, _names in needing if key not in away]
    return late, away


def _sides(key: ForeignKeyConstraint) -> Iterator[tuple[Any, Any, list[str]]]:
    yield key, (key.table.schema, key.table.name), [column.name for column in key.columns]
    yield key, referred_table(key), [part.target_fullname.rpartition(".")[2] for part in key.elements]


def _is_drop(step: Any) -> bool:
    if isinstance(step, ops.DropConstraintOp):
        return isinstance(step.to_constraint(), UniqueConstraint)
    return isinstance(step, ops.DropIndexOp)


def _is_create(step: Any) -> bool:
    return isinstance(step, ops.CreateIndexOp | ops.CreateUniqueConstraintOp)


def _element(step: Any) -> Any:
    """Return the Index or UniqueConstraint of an operation."""
    is_index = isinstance(step, ops.CreateIndexOp | ops.DropIndexOp)
    return step.to_index() if is_index else step.to_constraint()


def _begins_with(element: Any, names: list[str]) -> bool:
    if isinstance(element, Index):
        options = {str(value) for value in element.dialect_kwargs.values()}
        if not (options <= EMPTY_OPTIONS and all(isinstance(each, Column) for each in element.expressions)):
            return False  # a prefix, an order or a special type
    return [column.name for column in element.columns][: len(names)] == names


def _name(element: Any) -> str:
    return str(element.name)


def _has_other(table: Table, operation: ops.ModifyTableOps, names: list[str]) -> bool:
    """Return whether the table has another such index, before and after the operation."""
    changed = {_name(_element(step)) for step in operation.ops if _is_drop(step) or _is_create(step)}
    unique = [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    kept = [item for item in (*table.indexes, *unique) if _name(item) not in changed]
    return any(_begins_with(item, names) for item in (table.primary_key, *kept))


def _is_replaced(operation: ops.ModifyTableOps, dropped: Any, names: list[str]) -> bool:
    """Return whether the operation creates such an index, beside which the dropped one can exist."""
    index = _element(dropped)
    gone = {step.column_name for step in operation.ops if isinstance(step, ops.DropColumnOp)}
    created = [_element(step) for step in operation.ops if _is_create(step)]
    return gone.isdisjoint(column.name for column in index.columns) and any(
        _begins_with(item, names) and _name(item) != _name(index) for item in created
    )
