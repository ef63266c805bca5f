"""Writes down what a revision does while it runs: operation, line, and the table as it was before."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import AbstractOperations, BatchOperations
from alembic.operations.ops import ExecuteSQLOp, MigrateOperation
from sqlalchemy import event

from .online_ddl_probe import TRIALS
from .source_location import place_in
from .tables import reflect, table_of

COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
NO_WRITES = r"SELECT\b|SHOW\b|PRAGMA\b|EXPLAIN\b|DO 0|(RELEASE |ROLLBACK TO )?SAVEPOINT\b"
WRITES = re.compile(rf"{COMMENTS}(?!{NO_WRITES})\w", re.I | re.S)


@dataclass
class Recorded:
    operation: MigrateOperation
    line: int  # in the revision's file; 0 where it cannot be told
    table: sa.Table | None = None  # as it was before, without the tables it refers to; None: it was not there
    dialect: sa.Dialect | None = None
    in_batch: bool = False
    autocommit: bool = False
    # What was sent to the database for it, and why the server would not do it without blocking.
    statements: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


@contextmanager
def recording(path: Path, connection: sa.Connection) -> Iterator[list[Recorded]]:
    """Collect what the revision in `path` does on `connection`, that of a throwaway database.

    SQL that goes past `op`, through op.get_bind(), is collected as ExecuteSQLOp, one for each line of the
    file. Nothing stays patched afterwards.
    """
    recorded: list[Recorded] = []
    running: list[Recorded] = []
    invoke = AbstractOperations.invoke
    trial = TRIALS.get(connection.dialect.name)

    def record(operation: MigrateOperation, line: int, **more: Any) -> Recorded:
        level = connection.get_execution_options().get("isolation_level")
        found = Recorded(
            operation, line, dialect=connection.dialect, autocommit=level == "AUTOCOMMIT", **more
        )
        recorded.append(found)
        return found

    def recording_invoke(self: AbstractOperations, operation: MigrateOperation) -> Any:
        line, _ = place_in(path)
        table = reflect(connection, operation)
        running.append(record(operation, line, table=table, in_batch=isinstance(self, BatchOperations)))
        try:
            return invoke(self, operation)
        finally:
            running.pop()

    def before(c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if WRITES.match(statement) and (owner := owner_of(statement)):
            owner.statements.append(statement)
            if trial and not parameters:
                statement, refusal = trial(c, statement, parameters)
                owner.refused += refusal
        return statement, parameters

    def owner_of(statement: str) -> Recorded | None:
        if running:
            return running[-1]
        line, by_alembic = place_in(path)
        if not line:
            return None  # nothing of the revision's
        if by_alembic:
            return _in_batch(recorded, statement)
        for found in recorded:
            if found.line == line and isinstance(found.operation, ExecuteSQLOp):
                return found
        return record(ExecuteSQLOp(statement), line)

    AbstractOperations.invoke = recording_invoke  # type: ignore[method-assign]
    event.listen(connection, "before_cursor_execute", before, retval=True)
    try:
        yield recorded
    finally:
        AbstractOperations.invoke = invoke  # type: ignore[method-assign]
        event.remove(connection, "before_cursor_execute", before)


def _in_batch(recorded: list[Recorded], statement: str) -> Recorded | None:
    """Return the operation that a statement is for, which Alembic sends at the end of the batch block."""
    last = recorded[-1] if recorded and recorded[-1].in_batch else None
    for found in reversed(recorded):
        if last is None or not found.in_batch or table_of(found.operation) != table_of(last.operation):
            break
        if any(re.search(rf"\b{re.escape(name)}\b", statement) for name in _subjects(found.operation)):
            return found
    return last


def _subjects(operation: Any) -> list[str]:
    """Return the names of what an operation changes in its table."""
    names = [getattr(operation, name, None) for name in ("column_name", "constraint_name", "index_name")]
    column = getattr(operation, "column", None)
    names.append(column.name if column is not None else None)
    return [str(name) for name in names if name]
