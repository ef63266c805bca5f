"""The operations of a baseline's upgrade() and downgrade(), in an order in which they work."""

import warnings
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, MetaData
from sqlalchemy.exc import SAWarning

from ..autogenerate.compare.enums import EnumType
from ..autogenerate.order import in_order
from ..backends.schema import SchemaObject
from ..context import Comparison
from .proof import Outcome
from .raw_sql import RawSQLOp, without_foreign_keys
from .rows import reset_counters
from .sources import Source, Sources
from .state import TableKey
from .tables import sort_columns

# Created first: a type may be in a schema and need an extension.
FIRST_KINDS = ("schema", "extension")


class Step(NamedTuple):
    """An operation, and the table that it creates, changes or fills, if any."""

    operation: Any
    key: TableKey | None = None
    inserts_rows: bool = False


def compose_operations(
    migration: MigrationContext,
    outcome: Outcome,
    metadata: MetaData,
    dialects: tuple[str, ...],
) -> tuple[list[Step], list[Step]]:
    """Return the steps of upgrade() and of downgrade().

    :param migration: the context of an empty database.
    :param metadata: the tables to create.
    :param dialects: if given, SQL statements are only executed on these.
    """
    sources, database = outcome.sources, Comparison.of(migration).database

    def sql(statements: Iterable[str]) -> RawSQLOp:
        return RawSQLOp([*statements], dialects)

    rows = {key: alternatives[0] for key, alternatives in outcome.rows.items()}
    # Suppress the advice that autogenerate writes for tables with rows: these tables are new.
    columns = [column for table in metadata.tables.values() for column in table.columns]
    migration.opts["advice"] = {f"{column.table.fullname}.{column.name}" for column in columns}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        produced: Any = produce_migrations(migration, metadata)
    migration.opts["target_metadata"] = metadata
    up = in_order([item for item in produced.upgrade_ops.ops if not _creates_schema(item)])
    down = in_order([item for item in produced.downgrade_ops.ops if not _creates_schema(item)])
    # Rows in the order of their tables: the foreign keys that are created with a table exist already.
    tables = [_key(operation) for operation in up if isinstance(operation, ops.CreateTableOp)]
    rows = dict(sorted(rows.items(), key=lambda item: tables.index(item[0])))
    enums = sorted((item for item in up if isinstance(item, EnumType)), key=lambda item: str(item.key))
    objects = _without_enums({enum.key for enum in enums}, outcome.state.objects)
    first = [item for item in objects if item.early and item.kind in FIRST_KINDS]
    early = [item for item in objects if item.early and item not in first]
    late = [item for item in objects if not item.early]
    counters = [statement for _, statement in sorted(outcome.counters.items())]
    upgrade = [
        *(Step(sql(item.create)) for item in first),
        *(Step(enum) for enum in enums),
        *(Step(sql(item.create)) for item in early),
        *(_only_on(step, dialects) for step in _create_tables(up, sources)),
        *(_only_on(Step(insert, key, inserts_rows=True), dialects) for key, insert in rows.items()),
        *(
            (Step(operation, key) for key, operation in reset_counters(metadata, rows))
            if database.counts_given_keys
            else ()
        ),
        *(Step(operation, _key(operation)) for operation in up if _is_deferred_key(operation, sources)),
        *(Step(sql(item.create)) for item in late),
        *([Step(RawSQLOp(counters, database.dialects))] if counters else []),
    ]
    # Tables that are created, and dropped, by the statement of another one.
    dependent = {key for key, statements in sources.sql.items() if not statements}
    downgrade = [
        *(Step(sql([item.drop])) for item in reversed(late) if item.drop),
        *(Step(item) for item in down if not isinstance(item, EnumType) and _key(item) not in dependent),
        *(Step(sql([item.drop])) for item in reversed(early) if item.drop),
        *(Step(item) for item in down if isinstance(item, EnumType)),
        *(Step(sql([item.drop])) for item in reversed(first)),
    ]
    return upgrade, downgrade


def _create_tables(up: list[Any], sources: Sources) -> Iterator[Step]:
    """Yield the operations that create each table and its indexes."""
    for create in up:
        if not isinstance(create, ops.CreateTableOp):
            continue
        key = _key(create)
        items: list[Any] = [*create.columns]
        if sources.chosen[key] is Source.SQL:
            if sources.sql[key]:
                names = {str(item.name) for item in items}
                deferred = [name for name in sources.foreign_keys(key) if name not in names]
                yield Step(RawSQLOp(without_foreign_keys(sources.sql[key], deferred)), key)
            continue
        parts = sources.parts.get(key, {})
        remaining = [item for item in items if str(item.name) not in parts or isinstance(item, Column)]
        create.columns = sort_columns(remaining, sources.columns[key])
        yield Step(create, key)
        for table in up:
            if isinstance(table, ops.ModifyTableOps) and _key(table) == key:
                for item in table.ops:
                    if isinstance(item, ops.CreateIndexOp) and str(item.index_name) not in parts:
                        yield Step(item, key)
        for statement in parts.values():
            yield Step(RawSQLOp([statement]), key)


def _only_on(step: Step, dialects: tuple[str, ...]) -> Step:
    if isinstance(step.operation, RawSQLOp):
        return step._replace(operation=RawSQLOp(step.operation.statements, dialects))
    return step


def _is_deferred_key(operation: Any, sources: Sources) -> bool:
    """Whether it adds a foreign key that closes a cycle of tables and that the SQL of its table lacks."""
    keys = [item for item in getattr(operation, "ops", ()) if isinstance(item, ops.CreateForeignKeyOp)]
    key = _key(operation)
    if keys and sources.chosen[key] is Source.SQL:
        names = [str(item.constraint_name) for item in keys]
        return without_foreign_keys(sources.sql[key], names) != sources.sql[key]
    return bool(keys)


def _without_enums(keys: set[Any], objects: list[SchemaObject]) -> list[SchemaObject]:
    """Return the objects without the enum types that operations create already."""
    names = {".".join(part for part in key if part) for key in keys}
    return [item for item in objects if item.kind != "enum" or item.name not in names]


def _creates_schema(operation: Any) -> bool:
    statements = [*getattr(operation, "statements", ()), *getattr(operation, "back", ())]
    return any(sql.startswith("CREATE SCHEMA ") for sql in statements)


def _key(operation: Any) -> TableKey:
    return getattr(operation, "schema", None), getattr(operation, "table_name", "")
