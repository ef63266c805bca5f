"""Writes down what a revision does while it runs: operation, line, and the table as it was before."""

import inspect
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import alembic
import sqlalchemy as sa
from alembic.operations import AbstractOperations, BatchOperations
from alembic.operations.ops import ExecuteSQLOp, MigrateOperation
from sqlalchemy import event
from sqlalchemy.exc import NoSuchTableError

ALEMBIC = str(Path(alembic.__file__).parent)
WRITES = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(?!SELECT\b|SHOW\b|PRAGMA\b|EXPLAIN\b)\w", re.I | re.S)


@dataclass
class Recorded:
    operation: MigrateOperation
    line: int  # in the revision's file; 0 where it cannot be told
    table: sa.Table | None = None  # as it was before, without the tables it refers to; None: it was not there
    dialect: sa.Dialect | None = None
    in_batch: bool = False
    autocommit: bool = False


@contextmanager
def recording(path: Path, connection: sa.Connection) -> Iterator[list[Recorded]]:
    """Collect what the revision in `path` does on `connection`; nothing stays patched afterwards.

    SQL that goes past `op`, through op.get_bind(), is collected as an ExecuteSQLOp, once for each line.
    """
    recorded: list[Recorded] = []
    invoke = AbstractOperations.invoke

    def recording_invoke(self: AbstractOperations, operation: MigrateOperation) -> Any:
        line, _through_alembic = _place(path)
        batch = isinstance(self, BatchOperations)
        table = reflect(connection, operation)
        recorded.append(Recorded(operation, line, table, connection.dialect, batch, _commits(connection)))
        return invoke(self, operation)

    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        line, through_alembic = _place(path)
        known = any(found.line == line and isinstance(found.operation, ExecuteSQLOp) for found in recorded)
        if line and not through_alembic and not known and WRITES.match(statement):
            operation = ExecuteSQLOp(statement)
            autocommit = _commits(connection)
            recorded.append(Recorded(operation, line, None, connection.dialect, autocommit=autocommit))

    AbstractOperations.invoke = recording_invoke  # type: ignore[method-assign, assignment]
    event.listen(connection, "before_cursor_execute", before)
    try:
        yield recorded
    finally:
        AbstractOperations.invoke = invoke  # type: ignore[method-assign]
        event.remove(connection, "before_cursor_execute", before)


def reflect(connection: sa.Connection, operation: MigrateOperation) -> sa.Table | None:
    """Return the table that an operation is about, as it is in the database now."""
    name, schema = table_of(operation)
    if name is None:
        return None
    with warnings.catch_warnings():  # of types and indexes that SQLAlchemy does not know
        warnings.simplefilter("ignore")
        try:
            return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
        except NoSuchTableError:
            return None


def table_of(operation: MigrateOperation) -> tuple[str | None, str | None]:
    """Return name and schema of the table that an operation is about."""
    table = getattr(operation, "table", None)  # of a bulk insert
    if isinstance(table, sa.Table | sa.TableClause):
        return table.name, table.schema
    name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    options = getattr(operation, "kw", None) or {}
    return name, getattr(operation, "schema", None) or options.get("source_schema")


def _commits(connection: sa.Connection) -> bool:
    """Whether this is inside of op.get_context().autocommit_block()."""
    return connection.get_execution_options().get("isolation_level") == "AUTOCOMMIT"


def _place(path: Path) -> tuple[int, bool]:
    """Return the line of the revision that is running, and whether it got here by way of Alembic."""
    frame: FrameType | None = inspect.currentframe()
    through_alembic = False
    while frame := frame.f_back if frame else None:
        file = frame.f_code.co_filename
        if file.endswith(path.name) and Path(file).resolve() == path.resolve():
            return frame.f_lineno, through_alembic
        through_alembic |= file.startswith(ALEMBIC)
    return 0, through_alembic
