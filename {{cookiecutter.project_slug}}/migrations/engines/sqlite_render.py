"""`--sql` on SQLite, where Alembic alone cannot render a batch operation because it has no table to read.

What is printed is run on a throwaway database at the same time, statement by statement: a batch operation
reads its table there, and SQL that would fail is found before anybody uses it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from alembic.operations.batch import BatchOperationsImpl
from sqlalchemy import Connection


class _Tee:
    """Takes the place of the output: Alembic writes one statement or comment at a time."""

    def __init__(self, connection: Connection, out: TextIO) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.driver.isolation_level = None
        self.out = out
        # As in `SQLite.migrating`; a shell that reads the script may have them on.
        self.write("PRAGMA foreign_keys = OFF;\n\n")

    def write(self, text: str) -> None:
        self.out.write(text)
        if text.strip() not in {"BEGIN;", "COMMIT;"}:  # the throwaway database needs no transaction
            self.driver.execute(text)

    def flush(self) -> None:
        self.out.flush()


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
    """Yield the options for context.configure(); `connection` is that of the throwaway database."""
    flush = BatchOperationsImpl.flush

    def flush_with_tables(batch: BatchOperationsImpl) -> None:
        # It asks the context whether there is a database, and the implementation where to write.
        migration = batch.operations.migration_context
        with _replaced(migration, "as_sql", False), _replaced(batch.impl, "connection", connection):
            flush(batch)

    with _replaced(BatchOperationsImpl, "flush", flush_with_tables):
        yield {
            "url": connection.engine.url,
            "output_buffer": _Tee(connection, out),
            "literal_binds": True,
            "dialect_opts": {"paramstyle": "named"},
        }
