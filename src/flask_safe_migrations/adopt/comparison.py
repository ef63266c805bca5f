"""How a database that others have made differs from the models, where names do not count."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .. import runtime, safety
from ..backends.base import Database
from ..backends.constraints import ConstraintRename, constraint_renames, without
from ..backends.schema import Schema

CONSTRAINTS = (ops.AddConstraintOp, ops.DropConstraintOp, ops.CreateIndexOp, ops.DropIndexOp)


@dataclass
class Comparison:
    # What it would take to make the database like the models, in words.
    differences: list[str] = field(default_factory=list)
    # Tables that no model has.
    more_tables: list[str] = field(default_factory=list)
    # What is the same but for its name.
    names: list[ConstraintRename] = field(default_factory=list)


def compare(
    database: Database, script: ScriptDirectory, shadow: Database, ignoring: Iterable[str] = ()
) -> Comparison:
    """Compare a database with the models; `shadow` is what the revisions make of them. Nothing is changed.

    Tables and columns as autogenerate does it; constraints and indexes as the engine has them on both sides.
    """
    found = Comparison()
    absent: set[str] = set()
    with database.connect() as connection, shadow.connect() as like:
        had, wants = database.constraints(connection), shadow.constraints(like)
        same = _same_columns(database.schema(connection), shadow.schema(like))

    def look(_heads: Any, migration: MigrationContext) -> list[Any]:
        operations = produce_migrations(migration, migration.opts["target_metadata"]).upgrade_ops
        for operation in _flat(operations):
            if isinstance(operation, ops.DropTableOp):
                found.more_tables.append(_place(operation))
            elif not (isinstance(operation, CONSTRAINTS) or _is_same(migration, operation, same)):
                recorded = safety.Recorded(operation, 0, dialect=migration.dialect)
                found.differences += safety.describe([recorded])
                if isinstance(operation, ops.CreateTableOp):
                    absent.add(_place(operation))
        refused = migration.opts.get("refused", [])
        said = [refusal.partition(", which is not written by itself")[0] for refusal in refused]
        found.differences += [what for what in said if not what.startswith("The primary key ")]
        return []

    runtime.look(database, script, look)
    had = [part for part in had if part.place not in {*found.more_tables, *ignoring}]
    wants = [part for part in wants if part.place not in absent]
    found.names = constraint_renames(had, wants)
    found.differences += [f"drops {part}" for part in without(had, wants)]
    found.differences += [f"adds {part}" for part in without(wants, had)]
    found.more_tables = [name for name in found.more_tables if name not in ignoring]
    return found


def _place(operation: Any) -> str:
    return ".".join(filter(None, (operation.schema, operation.table_name)))


def _flat(operations: Any) -> Iterator[Any]:
    for operation in operations.ops:
        if isinstance(operation, ops.ModifyTableOps):
            yield from _flat(operation)
        else:
            yield operation


def _same_columns(one: Schema, other: Schema) -> set[str]:
    """Return the columns of which the engine says the same on both sides, whatever autogenerate says."""
    columns = [
        {part for name in one.keys() & other.keys() for part in side[name].parts().items()}
        for side in (one, other)
    ]
    return {place for place, _ in columns[0] & columns[1]}


def _is_same(migration: MigrationContext, operation: Any, same: set[str]) -> bool:
    """Whether a change of a column is none: SQLite does not ask for NOT NULL in a primary key."""
    if not isinstance(operation, ops.AlterColumnOp):
        return False
    if f"column {_place(operation)}.{operation.column_name}" in same:
        return True
    column = migration.opts["target_metadata"].tables[_place(operation)].columns[operation.column_name]
    others = (operation.modify_type, operation.modify_name, operation.modify_server_default or None)
    return bool(column.primary_key) and others == (None, None, None)
