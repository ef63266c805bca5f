"""Compares an existing database with the models and with revisions, apart from the names of constraints."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from .. import runtime, safety
from ..backends.base import Database
from ..backends.constraints import ConstraintRename, constraint_renames, without
from ..backends.schema import Definition, Schema, differences, known

CONSTRAINT_OPERATIONS = (ops.AddConstraintOp, ops.DropConstraintOp, ops.CreateIndexOp, ops.DropIndexOp)
MAX_REVISIONS = 50  # the newest ones are compared
# Parts of a table in a `Schema` that are compared as constraints, or not at all.
OTHER_PARTS = re.compile(r"(.*key|.*constraint|index|trigger) |primary key of ")
# MariaDB reports some CHECKs as part of the column.
COLUMN_CHECK = re.compile(r" CHECK \(.*\)$")


@dataclass
class Comparison:
    """How a database differs from the models."""

    # What a revision would have to do, in words.
    differences: list[str] = field(default_factory=list)
    # Tables without a model.
    extra_tables: list[str] = field(default_factory=list)
    # Constraints and indexes that differ in their name only.
    renames: list[ConstraintRename] = field(default_factory=list)


def compare_with_models(
    database: Database, script: ScriptDirectory, shadow: Database, ignoring: Iterable[str] = ()
) -> Comparison:
    """Compare a database with the models; nothing is changed.

    Tables and columns are compared by autogenerate, constraints and indexes as both databases report them.

    :param shadow: a shadow database at the newest revision, which has to match the models.
    :param ignoring: tables without a model that may stay.
    """
    result = Comparison()
    missing_tables: set[str] = set()
    with database.connect() as connection, shadow.connect() as shadow_connection:
        existing = database.constraints(connection)
        expected = shadow.constraints(shadow_connection)
        same = _same_columns(database.schema(connection), shadow.schema(shadow_connection))

    def collect(_heads: Any, migration: MigrationContext) -> list[Any]:
        operations = produce_migrations(migration, migration.opts["target_metadata"]).upgrade_ops
        for operation in _flatten(operations):
            if isinstance(operation, ops.DropTableOp):
                result.extra_tables.append(_table_name(operation))
            elif not (
                isinstance(operation, CONSTRAINT_OPERATIONS) or _is_equivalent(migration, operation, same)
            ):
                recorded = safety.RecordedOperation(operation, 0, dialect=migration.dialect)
                result.differences += safety.describe([recorded])
                if isinstance(operation, ops.CreateTableOp):
                    missing_tables.add(_table_name(operation))
        # Differences that autogenerate cannot write; primary keys are compared as constraints.
        refused = migration.opts.get("refused", [])
        sentences = [refusal.partition(", which is not written by itself")[0] for refusal in refused]
        result.differences += [each for each in sentences if not each.startswith("The primary key ")]
        return []

    runtime.look(database, script, collect)
    existing = [info for info in existing if info.place not in {*result.extra_tables, *ignoring}]
    expected = [info for info in expected if info.place not in missing_tables]
    result.renames = constraint_renames(existing, expected)
    result.differences += [f"drops {info}" for info in without(existing, expected)]
    result.differences += [f"adds {info}" for info in without(expected, existing)]
    result.extra_tables = [name for name in result.extra_tables if name not in ignoring]
    return result


def compare_at_head(database: Database, script: ScriptDirectory, shadow: Database) -> Comparison:
    """Compare a database that is at head already.

    Tables that the shadow database, which is at head, does not have are left out.
    """
    with database.connect() as connection, shadow.connect() as shadow_connection:
        extra = database.schema(connection).keys() - shadow.schema(shadow_connection).keys()
    tables = [name.removeprefix("table ") for name in extra if name.startswith("table ")]
    return compare_with_models(database, script, shadow, tables)


def _table_name(operation: Any) -> str:
    return ".".join(filter(None, (operation.schema, operation.table_name)))


def _flatten(operations: Any) -> Iterator[Any]:
    for operation in operations.ops:
        if isinstance(operation, ops.ModifyTableOps):
            yield from _flatten(operation)
        else:
            yield operation


def _same_columns(one: Schema, other: Schema) -> set[str]:
    """Return the columns that both databases report alike, even if autogenerate finds a difference."""
    columns = [
        {part for name in one.keys() & other.keys() for part in side[name].parts().items()}
        for side in (one, other)
    ]
    return {name for name, _ in columns[0] & columns[1]}


def _is_equivalent(migration: MigrationContext, operation: Any, same: set[str]) -> bool:
    """Whether a change of a column has no effect: SQLite does not require NOT NULL in a primary key."""
    if not isinstance(operation, ops.AlterColumnOp):
        return False
    table = _table_name(operation)
    if f"column {table}.{operation.column_name}" in same:
        return True
    column = migration.opts["target_metadata"].tables[table].columns[operation.column_name]
    others = (operation.modify_type, operation.modify_name, operation.modify_server_default or None)
    return bool(column.primary_key) and others == (None, None, None)


def find_matching_revision(database: Database, script: ScriptDirectory) -> str | None:
    """Return the newest revision before the head whose schema this database has, or None."""
    matching = None
    for shadow, revision in _walk_revisions(database, script):
        if not describe_differences(database, shadow):
            matching = revision
    return matching


def _walk_revisions(database: Database, script: ScriptDirectory) -> Iterator[tuple[Database, str]]:
    """Yield one shadow database at each revision in turn, so that no revision runs twice."""
    chain = [step.revision for step in script.walk_revisions()][1 : MAX_REVISIONS + 1][::-1]
    if not chain:
        return
    with runtime.shadow_at(database, script, chain[0]) as shadow:
        for revision in chain:
            if revision != chain[0]:
                runtime.run(shadow, script, revision, upgrade=True)
            yield shadow, revision


def describe_differences(database: Database, shadow: Database) -> list[str]:
    """Describe how two databases differ, apart from names of constraints, from views and from triggers."""
    with database.connect() as connection, shadow.connect() as shadow_connection:
        expected_columns = _columns(shadow.schema(shadow_connection))
        lines = differences(expected_columns, _columns(database.schema(connection)))
        existing, expected = database.constraints(connection), shadow.constraints(shadow_connection)
    lines += [f"{info} is left over" for info in without(existing, expected)]
    return lines + [f"{info} is missing" for info in without(expected, existing)]


def _columns(schema: Schema) -> Schema:
    """Return tables with their columns, enum types and sequences only."""
    columns = {}
    for name, definition in schema.items():
        if name.startswith(("table ", "enum ", "sequence ")):
            parts = {
                part: COLUMN_CHECK.sub("", text)
                for part, text in definition.parts().items()
                if not OTHER_PARTS.match(part)
            }
            columns[name] = Definition(str(parts), known(parts))
    return columns


def describe_unsupported(database: Database, shadow: Database, ignoring: Iterable[str] = ()) -> list[str]:
    """Describe what a database built from the revisions will not have, as the models cannot express it."""
    with database.connect() as connection, shadow.connect() as shadow_connection:
        extra = sorted(_other_objects(database, connection) - _other_objects(shadow, shadow_connection))
        lines = differences(shadow.schema(shadow_connection), database.schema(connection))
    reported = tuple(f"{name} " for name in [*extra, *(f"table {name}" for name in ignoring)])
    return extra + [line for line in lines if not line.startswith(reported)]


def _other_objects(database: Database, connection: Connection) -> set[str]:
    """Return the names of all objects that are not tables."""
    names = {f"{item.kind} {item.name}" for item in database.schema_objects(connection)}
    return names | set(database.unsupported_objects(connection))
