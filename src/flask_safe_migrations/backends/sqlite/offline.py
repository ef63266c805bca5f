"""`--sql` on SQLite. Alembic alone cannot render a batch operation, because it has no table to read.

Each printed statement also runs on a shadow database. A batch operation reads its table there, and SQL that
would fail is found before anybody uses it.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from alembic.operations.batch import BatchOperationsImpl
from sqlalchemy import Connection, event

from .rebuild import careful_rebuilds

WRITES = re.compile(r"\s*(CREATE|DELETE|INSERT|UPDATE|PRAGMA legacy_alter_table =)", re.IGNORECASE)


class _Tee:
    """Replaces the output stream. Alembic writes one statement or comment at a time."""

    def __init__(self, connection: Connection, out: TextIO) -> None:
        self.connection = connection
        driver: Any = connection.connection.dbapi_connection
        driver.isolation_level = None
        self.out = out
        self.writing = False

    def write(self, text: str) -> None:
        statement = text.strip().removesuffix(";")
        # The shadow database needs no transaction.
        if statement in {"BEGIN", "COMMIT"} or all(line.startswith("--") for line in statement.splitlines()):
            self.out.write(text)
            return
        self.writing = True
        try:
            self.connection.exec_driver_sql(statement)
        finally:
            self.writing = False

    def before(self, _c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        """Print the statement in the form in which it runs: a rebuild may have replaced it."""
        if self.writing:
            self.print(statement)

    def print(self, statement: str) -> None:
        self.out.write(f"{statement};\n\n")

    def flush(self) -> None:
        self.out.flush()


class _Printed:
    """Stands in for the driver's connection, for statements that a rebuild runs without SQLAlchemy."""

    def __init__(self, tee: _Tee) -> None:
        self.driver: Any = tee.connection.connection.dbapi_connection
        self.tee = tee

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Any:
        if WRITES.match(sql):
            self.tee.print(sql)
        return self.driver.execute(sql, values)


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def rendering(connection: Connection, out: TextIO) -> Iterator[dict[str, Any]]:
    """Yield the options for context.configure(); `connection` belongs to the shadow database."""
    flush = BatchOperationsImpl.flush

    def flush_with_tables(batch: BatchOperationsImpl) -> None:
        # The batch asks the context whether there is a database, and the implementation where to write.
        migration = batch.operations.migration_context
        with _replaced(migration, "as_sql", False), _replaced(batch.impl, "connection", connection):
            flush(batch)

    tee = _Tee(connection, out)
    with (
        careful_rebuilds(connection, _Printed(tee)),
        _replaced(BatchOperationsImpl, "flush", flush_with_tables),
    ):
        event.listen(connection, "before_cursor_execute", tee.before)  # after those of careful_rebuilds
        # As in `transaction.migration_session`. A shell that runs the script may have foreign keys enabled.
        tee.write("PRAGMA foreign_keys = OFF;")
        yield {
            "url": connection.engine.url,
            "output_buffer": tee,
            "literal_binds": True,
            "dialect_opts": {"paramstyle": "named"},
        }
