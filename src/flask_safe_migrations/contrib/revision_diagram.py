"""`flask db diagram --revision`: the tables before and after a revision, from a shadow database."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from typing import Any

from alembic.operations import ops
from alembic.script import Script, ScriptDirectory
from sqlalchemy import CheckConstraint, MetaData, PrimaryKeyConstraint, Table, UniqueConstraint, inspect
from sqlalchemy.exc import SAWarning
from sqlalchemy.schema import Constraint

from .. import safety
from ..backends.base import Database
from ..backends.schema import Schema, schema_names
from ..context import Recorder
from ..safety.recorder import get_table_name
from ..verification.round_trip import ShadowWalk
from .diagram_changes import Renames, Tables, compare_tables, select_changed
from .diagram_tables import Box, Row, read_tables

OTHER_OBJECTS = "other objects"  # views, triggers, sequences, types


def read_change(database: Database, script: ScriptDirectory, revision: Script) -> Tables:
    """Return the tables that a revision changes and their neighbours, with the state of each part.

    :raises MigrationError: if the revision, or one before it, fails.
    """
    with ExitStack() as stack:
        _, (boxes, references) = record_change(ShadowWalk(database, script, stack), revision)
    return boxes or [Box("no table changes")], references


def record_change(
    walk: ShadowWalk, revision: Script, watch: Recorder = nullcontext
) -> tuple[list[safety.RecordedOperation], Tables]:
    """Run a revision on a shadow database; return what it did, and the tables as `read_change` does.

    :param watch: as in `ShadowWalk.record`.
    """
    shadow = walk.prepare(revision)
    before, other_before = _read(shadow)
    recorded = walk.record(revision, watch)
    after, other_after = _read(shadow)
    boxes, references = select_changed(compare_tables(before, after, _find_renames(recorded)))
    if notes := _compare_others(other_before, other_after):
        boxes.append(Box(OTHER_OBJECTS, state="changed", notes=notes))
    return recorded, (boxes, references)


def _read(shadow: Database) -> tuple[Tables, Schema]:
    """Return the tables, and the views and the like by their names."""
    with shadow.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # a type that SQLAlchemy does not know has no name here
        ignored = shadow.ignored_tables(connection) | shadow.normalizer.of_extensions(connection)
        inspector = inspect(connection)
        metadata = MetaData()
        for name in schema_names(inspector):
            schema = None if name == inspector.default_schema_name else name
            metadata.reflect(
                connection,
                schema=schema,
                only=lambda table, _: table not in ignored,
                resolve_fks=False,
            )
        tables = read_tables(metadata, connection.dialect)
        for box in tables[0]:
            box.notes = [Row(text, "") for text in _describe_parts(metadata.tables[box.name])]
        known = {table.name for table in metadata.tables.values()}
        schema_ = shadow.schema(connection)
    return tables, {name: item for name, item in schema_.items() if not _is_table(name, known)}


def _is_table(name: str, tables: set[str]) -> bool:
    return name.removeprefix("table ").rpartition(".")[2].strip('"`') in tables


def _describe_parts(table: Table) -> Iterator[str]:
    """Describe the indexes and constraints of a table, each in a line."""
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        unique = "unique " if index.unique else ""
        yield f"{unique}index {index.name} ({', '.join(map(_name, index.expressions))})"
    for constraint in sorted(table.constraints, key=lambda each: str(each.name)):
        if text := _describe_constraint(constraint):
            yield text


def _describe_constraint(constraint: Constraint) -> str | None:
    name = f" {constraint.name}" if constraint.name else ""
    if isinstance(constraint, CheckConstraint):
        return f"check{name}: {constraint.sqltext}"
    columns = ", ".join(column.name for column in getattr(constraint, "columns", ()))
    if isinstance(constraint, UniqueConstraint):
        return f"unique{name} ({columns})"
    if isinstance(constraint, PrimaryKeyConstraint):
        return f"primary key{name} ({columns})" if columns else None
    return f"foreign key{name} ({columns})"


def _name(expression: Any) -> str:
    return str(getattr(expression, "name", None) or expression)


def _find_renames(recorded: list[safety.RecordedOperation]) -> Renames:
    """Return the new names; what is renamed twice has the last one."""
    tables: dict[str, str] = {}
    columns: dict[tuple[str, str], str] = {}
    for each in recorded:
        operation = each.operation
        if isinstance(operation, ops.RenameTableOp):
            old = _qualify(*get_table_name(operation))
            new = _qualify(operation.new_table_name, operation.schema)
            tables[old] = new
            columns = {(new if table == old else table, name): now for (table, name), now in columns.items()}
        elif isinstance(operation, ops.AlterColumnOp) and operation.modify_name:
            table = _qualify(*get_table_name(operation))
            columns[table, operation.column_name] = operation.modify_name
    return Renames(tables, columns)


def _qualify(table: str | None, schema: str | None) -> str:
    return f"{schema}.{table}" if schema else str(table)


def _compare_others(before: Schema, after: Schema) -> list[Row]:
    """Return a line for each view, trigger or the like that was added, removed or changed."""
    rows = []
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            state = "changed" if name in before and name in after else "added" if name in after else "removed"
            rows.append(Row(name, "", state=state))
    return rows
