"""The operations of a baseline, in an order in which they work, and those that take it back."""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData
from sqlalchemy.exc import SAWarning

from ..autogenerate.compare.enums import EnumType
from ..autogenerate.order import in_order
from ..backends.objects import SchemaObject
from ..context import Comparison
from .cleanup import ordered
from .counters import counted
from .outcome import Outcome
from .raw_sql import Written, without_foreign_keys
from .sources import Source, Sources
from .state import Key

FIRST = ("schema", "extension")  # types may be in the one and need the other


class Step(NamedTuple):
    operation: Any
    # The table that it makes or fills, if any.
    key: Key | None = None
    fills: bool = False


def operations(
    migration: MigrationContext,
    folded: Outcome,
    metadata: MetaData,
    dialects: tuple[str, ...],
) -> tuple[list[Step], list[Step]]:
    """Return the way up and the way down, from and to an empty database, to which `migration` is connected.

    SQL is kept to `dialects`, where there are any.
    """
    sources, database = folded.sources, Comparison.of(migration).database
    own, counts = database.dialects, database.counts_given_keys
    rows = {key: ways[0] for key, ways in folded.rows.items()}
    # No advice: the tables are there.
    columns = [column for table in metadata.tables.values() for column in table.columns]
    migration.opts["advice"] = {f"{column.table.fullname}.{column.name}" for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        found: Any = produce_migrations(migration, metadata)
    migration.opts["target_metadata"] = metadata
    up = in_order([each for each in found.upgrade_ops.ops if not _makes_schema(each)])
    down = in_order([each for each in found.downgrade_ops.ops if not _makes_schema(each)])
    # Those first that others refer to, as far as foreign keys are made with the tables.
    places = [_key(each) for each in up if isinstance(each, ops.CreateTableOp)]
    rows = dict(sorted(rows.items(), key=lambda item: places.index(item[0])))
    enums = sorted((each for each in up if isinstance(each, EnumType)), key=lambda each: str(each.key))
    made = _without({each.key for each in enums}, folded.state.made)
    early = [each for each in made if each.early]
    late = [each for each in made if not each.early]
    first = [each for each in early if each.kind in FIRST]
    upgrade = [
        *(Step(Written([*each.create], dialects)) for each in first),
        *(Step(each) for each in enums),
        *(Step(Written([*each.create], dialects)) for each in early if each not in first),
        *(_only_on(step, dialects) for step in _tables(up, sources)),
        *(_only_on(Step(operation, key, fills=True), dialects) for key, operation in rows.items()),
        *((Step(sql, key) for key, sql in counted(metadata, rows)) if counts else ()),
        *(Step(each, _key(each)) for each in up if _is_apart(each, sources)),
        *(Step(Written([*each.create], dialects)) for each in late),
        *(
            [Step(Written([sql for _, sql in sorted(folded.counters.items())], own))]
            if folded.counters
            else []
        ),
    ]
    along = {key for key, sql in sources.sql.items() if not sql}
    downgrade = [
        *(Step(Written([each.drop], dialects)) for each in reversed(late) if each.drop),
        *(Step(each) for each in down if not isinstance(each, EnumType) and _key(each) not in along),
        *(
            Step(Written([each.drop], dialects))
            for each in reversed(early)
            if each.drop and each not in first
        ),
        *(Step(each) for each in down if isinstance(each, EnumType)),
        *(Step(Written([each.drop], dialects)) for each in reversed(first)),
    ]
    return upgrade, downgrade


def _tables(up: list[Any], sources: Sources) -> Iterator[Step]:
    """Each table, and its indexes behind it."""
    for create in up:
        if not isinstance(create, ops.CreateTableOp):
            continue
        key = _key(create)
        items: list[Any] = [*create.columns]
        if sources.chosen[key] is Source.WRITTEN:
            if sources.sql[key]:
                names = {str(item.name) for item in items}
                apart = [each for each in sources.foreign_keys(key) if each not in names]
                yield Step(Written(without_foreign_keys(sources.sql[key], apart)), key)
            continue
        parts = sources.parts.get(key, {})
        kept = [item for item in items if str(item.name) not in parts or isinstance(item, Column)]
        create.columns = ordered(kept, sources.columns[key])
        yield Step(create, key)
        for table in up:
            if isinstance(table, ops.ModifyTableOps) and _key(table) == key:
                for each in table.ops:
                    if isinstance(each, ops.CreateIndexOp) and str(each.index_name) not in parts:
                        yield Step(each, key)
        for sql in parts.values():
            yield Step(Written([sql]), key)


def _only_on(step: Step, dialects: tuple[str, ...]) -> Step:
    if isinstance(step.operation, Written):
        return step._replace(operation=Written(step.operation.statements, dialects))
    return step


def _is_apart(operation: Any, sources: Sources) -> bool:
    """A foreign key that closes a circle of tables, and is not in the engine's own words for its table."""
    keys = [step for step in getattr(operation, "ops", ()) if isinstance(step, ops.CreateForeignKeyOp)]
    key = _key(operation)
    if keys and sources.chosen[key] is Source.WRITTEN:
        names = [str(step.constraint_name) for step in keys]
        return without_foreign_keys(sources.sql[key], names) != sources.sql[key]
    return bool(keys)


def _without(keys: set[Any], made: list[SchemaObject]) -> list[SchemaObject]:
    """Without the types that tables of the models have brought along."""
    names = {".".join(part for part in key if part) for key in keys}
    return [each for each in made if each.kind != "enum" or each.name not in names]


def _makes_schema(operation: Any) -> bool:
    statements = [*getattr(operation, "statements", ()), *getattr(operation, "back", ())]
    return any(sql.startswith("CREATE SCHEMA ") for sql in statements)


def _key(operation: Any) -> Key:
    return getattr(operation, "schema", None), getattr(operation, "table_name", "")
