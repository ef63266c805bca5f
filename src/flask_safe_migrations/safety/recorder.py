"""Records what a revision does while it runs: each operation, its line, its SQL and the table before it.

On MariaDB and MySQL, it also records why the server could not do it while others write.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import AbstractOperations, BatchOperations
from alembic.operations.ops import ExecuteSQLOp, MigrateOperation
from sqlalchemy import event
from sqlalchemy.exc import NoSuchTableError

from ..backends.escaping import read_statement
from .revision_source import find_running_line

COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
NO_WRITES = r"SELECT\b|SHOW\b|PRAGMA\b|EXPLAIN\b|DO 0|(RELEASE |ROLLBACK TO )?SAVEPOINT\b"
WRITES = re.compile(rf"{COMMENTS}(?!{NO_WRITES})\w", re.I | re.S)
# Not for RENAME, nor DROP INDEX, which are short and do not take the clause.
ALTER_TABLE = re.compile(r"\s*ALTER\s+TABLE\s(?!\s*\S+\s+RENAME\s+(?:TO\s+)?\S+\s*$)", re.IGNORECASE)
CREATE_INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\s", re.IGNORECASE)
# "… is not supported (Reason: …)": https://mariadb.com/kb/en/mariadb-error-code-reference/
NOT_SUPPORTED = {1845, 1846}


@dataclass
class RecordedOperation:
    """An operation of a revision.

    :param line: its line in the file of the revision; 0 where it is not known.
    :param table: the table before the operation, without the tables it refers to; None if there was none.
    :param statements: the SQL that was sent to the database for it.
    :param blocking_reasons: why the server would not run it without blocking writes.
    :param path: the file of the revision.
    """

    operation: MigrateOperation
    line: int
    table: sa.Table | None = None
    dialect: sa.Dialect | None = None
    in_batch: bool = False
    autocommit: bool = False
    statements: list[str] = field(default_factory=list)
    blocking_reasons: list[str] = field(default_factory=list)
    path: Path | None = None


@contextmanager
def record_operations(path: Path, connection: sa.Connection) -> Iterator[list[RecordedOperation]]:
    """Record what the revision in `path` does on `connection`, which belongs to a shadow database.

    SQL that does not go through `op`, but through op.get_bind(), is recorded as ExecuteSQLOp, one for each
    line of the file. Alembic is patched inside the block only.
    """
    operations: list[RecordedOperation] = []
    running: list[RecordedOperation] = []
    invoke = AbstractOperations.invoke
    probe = _try_without_lock if connection.dialect.name in {"mysql", "mariadb"} else None

    def record(operation: MigrateOperation, line: int, **attributes: Any) -> RecordedOperation:
        level = connection.get_execution_options().get("isolation_level")
        recorded = RecordedOperation(
            operation,
            line,
            dialect=connection.dialect,
            autocommit=level == "AUTOCOMMIT",
            path=path,
            **attributes,
        )
        operations.append(recorded)
        return recorded

    def recording_invoke(self: AbstractOperations, operation: MigrateOperation) -> Any:
        line, _ = find_running_line(path)
        table = _reflect_table(connection, operation)
        running.append(record(operation, line, table=table, in_batch=isinstance(self, BatchOperations)))
        try:
            return invoke(self, operation)
        finally:
            running.pop()

    def before_execute(
        c: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> tuple[str, Any]:
        text = read_statement(statement, context)
        if WRITES.match(statement) and (owner := find_owner(text)):
            owner.statements.append(text)
            if probe and not parameters:
                statement, reasons = probe(c, statement, parameters)
                owner.blocking_reasons += reasons
        return statement, parameters

    def find_owner(statement: str) -> RecordedOperation | None:
        if running:
            return running[-1]
        line, called_by_alembic = find_running_line(path)
        if not line:
            return None  # not a statement of the revision
        if called_by_alembic:
            return _find_batch_operation(operations, statement)
        for recorded in operations:
            if recorded.line == line and isinstance(recorded.operation, ExecuteSQLOp):
                return recorded
        return record(ExecuteSQLOp(statement), line)

    AbstractOperations.invoke = recording_invoke  # type: ignore[method-assign]
    event.listen(connection, "before_cursor_execute", before_execute, retval=True)
    try:
        yield operations
    finally:
        AbstractOperations.invoke = invoke  # type: ignore[method-assign]
        event.remove(connection, "before_cursor_execute", before_execute)


def get_table_name(operation: MigrateOperation) -> tuple[str | None, str | None]:
    """Return the name and the schema of the table that an operation changes."""
    table = getattr(operation, "table", None)  # of a bulk insert
    if isinstance(table, sa.Table | sa.TableClause):
        return table.name, table.schema
    name = getattr(operation, "table_name", None) or getattr(operation, "source_table", None)
    options = getattr(operation, "kw", None) or {}
    return name, getattr(operation, "schema", None) or options.get("source_schema")


def _reflect_table(connection: sa.Connection, operation: MigrateOperation) -> sa.Table | None:
    """Return the table that an operation changes, as it is in the database now."""
    name, schema = get_table_name(operation)
    if name is None:
        return None
    with warnings.catch_warnings():  # about types and indexes that SQLAlchemy does not know
        warnings.simplefilter("ignore")
        try:
            return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=connection, resolve_fks=False)
        except NoSuchTableError:
            return None


def _find_batch_operation(operations: list[RecordedOperation], statement: str) -> RecordedOperation | None:
    """Return the operation that a statement belongs to: Alembic sends a batch at the end of its block."""
    last = operations[-1] if operations and operations[-1].in_batch else None
    for recorded in reversed(operations):
        if last is None or not recorded.in_batch:
            break
        if get_table_name(recorded.operation) != get_table_name(last.operation):
            break
        names = _changed_names(recorded.operation)
        if any(re.search(rf"\b{re.escape(name)}\b", statement) for name in names):
            return recorded
    return last


def _changed_names(operation: Any) -> list[str]:
    """Return the names of the column, constraint or index that an operation changes."""
    names = [getattr(operation, name, None) for name in ("column_name", "constraint_name", "index_name")]
    column = getattr(operation, "column", None)
    names.append(column.name if column is not None else None)
    return [str(name) for name in names if name]


def _try_without_lock(connection: Any, statement: str, parameters: Any) -> tuple[str, list[str]]:
    """Find out whether a MariaDB or MySQL server can run a statement while others write to the table.

    With LOCK=NONE the server refuses what would copy the table or block writers. It knows this better than
    any rule of ours. https://mariadb.com/kb/en/innodb-online-ddl-overview/

    :return: what is left to run, and why the server refused, if it did.
    """
    comma = "," if ALTER_TABLE.match(statement) else ""
    if (not comma and not CREATE_INDEX.match(statement)) or "LOCK=" in statement.upper():
        return statement, []
    try:
        with connection.connection.dbapi_connection.cursor() as cursor:
            cursor.execute(f"{statement}{comma} LOCK=NONE", parameters)
    except Exception as error:  # noqa: BLE001 - of the driver, whichever it is
        if error.args and error.args[0] in NOT_SUPPORTED:
            return statement, [_parse_refusal(str(error.args[1]))]
        return statement, []  # running the statement itself will report the error
    return "DO 0", []


def _parse_refusal(message: str) -> str:
    """Shorten "LOCK=NONE is not supported. Reason: Cannot change column type. Try LOCK=SHARED"."""
    match = re.search(r"Reason: (.+?)\. Try", message)
    return match[1] if match else "it would copy the table"
