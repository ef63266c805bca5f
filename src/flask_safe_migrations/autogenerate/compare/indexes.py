"""Compare indexes with expressions, sort orders, conditions or methods.

Alembic ignores them on SQLite, and compares little more than the columns on other engines. This module
compares the engine's definition of the existing index with its definition of the model's index.
"""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Index, Table

from ... import _compat
from ...backends.escaping import escape_reported_clause
from ...context import Comparison
from ..constraint_names import EMPTY_OPTIONS
from ..filters import is_name_included, log
from ..unsupported import refuse
from .temporary_table import read_stored_table

EXCLUDE = "for which write op.drop_constraint() and op.create_exclude_constraint(), and the way back"


def compare(
    context: AutogenContext,
    operation: ops.ModifyTableOps,
    schema: str | None,
    name: str,
    reflected: Table | None,
    wanted: Table | None,
) -> PriorityDispatchResult:
    """Correct Alembic's result. This is the last comparison of a table."""
    for step in operation.ops:  # Alembic's result
        if isinstance(step, ops.DropIndexOp):
            _escape_colons(step)
    if wanted is None:
        return PriorityDispatchResult.CONTINUE
    indexes = {str(_compat.constraint_name(index, context.dialect)): index for index in wanted.indexes}
    if reflected is None:
        for index in indexes.values():
            _create(context, operation, index)
        return PriorityDispatchResult.CONTINUE
    migration = context.migration_context
    connection: Any = migration.connection
    normalizer = Comparison.of(migration).database.normalizer
    had = {
        key: definition
        for key, definition in normalizer.definitions(connection, name, schema).items()
        if is_name_included(context, "index", key, schema, name)
    }
    excluded = {key for key, definition in had.items() if definition.startswith("EXCLUDE")}
    excluded |= {str(item.name) for item in wanted.constraints if item.__visit_name__ == "exclude_constraint"}
    _compare_exclusions(context, wanted, {key: had.pop(key, None) for key in excluded})
    for key in sorted(had.keys() | indexes.keys()):
        if key not in had:
            if not _is_plain(indexes[key]) and _reflected(reflected, key) is None:
                _create(context, operation, indexes[key])
        elif key not in indexes:
            if not normalizer.is_plain(had[key]):
                _drop(context, operation, key, normalizer.index_of(key, had[key], reflected))
        elif not (_is_plain(indexes[key]) and normalizer.is_plain(had[key])):
            found = read_stored_table(migration, wanted)
            _remove_steps(operation, {key, str(indexes[key].name)})
            if found and found.definitions.get(key) != had[key]:
                defined = normalizer.index_of(key, had[key], reflected)
                there = defined or _reflected(reflected, key)
                if context.run_object_filters(indexes[key], key, "index", False, there):
                    log.info("Detected changed index %r on %r", key, wanted.fullname)
                    _replace(operation, there, indexes[key])
                    if defined is None:
                        for step in _steps(operation, {key}, ops.DropIndexOp):
                            _escape_colons(step)
    return PriorityDispatchResult.CONTINUE


def _is_plain(index: Index) -> bool:
    options = {str(value) for value in index.dialect_kwargs.values()}
    return options <= EMPTY_OPTIONS and all(isinstance(each, Column) for each in index.expressions)


def _steps(operation: ops.ModifyTableOps, names: set[str], kind: Any) -> list[Any]:
    return [step for step in operation.ops if isinstance(step, kind) and str(step.index_name) in names]


def _create(context: AutogenContext, operation: ops.ModifyTableOps, index: Index) -> None:
    name = str(index.name)
    if not _steps(operation, {name}, ops.CreateIndexOp) and context.run_object_filters(
        index, name, "index", False, None
    ):
        log.info("Detected added index %r on %r", name, operation.table_name)
        operation.ops.append(ops.CreateIndexOp.from_index(index))


def _drop(context: AutogenContext, operation: ops.ModifyTableOps, name: str, index: Index | None) -> None:
    """Drop the index. The downgrade creates it as the engine reports it."""
    if index is None or not context.run_object_filters(index, name, "index", True, None):
        return
    known = _steps(operation, {name}, ops.DropIndexOp)
    if not known:
        log.info("Detected removed index %r on %r", name, operation.table_name)
    operation.ops[:] = [step for step in operation.ops if step not in known]
    operation.ops.append(ops.DropIndexOp.from_index(index))


def _replace(operation: ops.ModifyTableOps, old: Index | None, new: Index) -> None:
    if old is not None:
        operation.ops.append(ops.DropIndexOp.from_index(old))
    operation.ops.append(ops.CreateIndexOp.from_index(new))


def _escape_colons(step: ops.DropIndexOp) -> None:
    """Escape colons for the downgrade. Reported SQL has no bind parameters."""
    operations: list[Any] = [step, step._reverse] if step._reverse else [step]
    for each in operations:
        each.kw = {
            name: escape_reported_clause(value, condition=name.endswith("_where"))
            for name, value in each.kw.items()
        }
    if step._reverse:
        step._reverse.columns = [escape_reported_clause(each) for each in step._reverse.columns]


def _remove_steps(operation: ops.ModifyTableOps, names: set[str]) -> None:
    """Remove Alembic's steps. It has the name by the convention, the engine a shortened one."""
    found = _steps(operation, names, ops.DropIndexOp | ops.CreateIndexOp)
    operation.ops[:] = [step for step in operation.ops if step not in found]


def _reflected(table: Table, name: str) -> Index | None:
    return next((index for index in table.indexes if str(index.name) == name), None)


def _compare_exclusions(context: AutogenContext, wanted: Table, had: dict[str, str | None]) -> None:
    if not had:
        return
    found = read_stored_table(context.migration_context, wanted)
    for name, definition in sorted(had.items()):
        if found and found.definitions.get(name) != definition:
            refuse(
                context.migration_context,
                f"EXCLUDE constraint {name} of {wanted.fullname} has changed",
                EXCLUDE,
            )
