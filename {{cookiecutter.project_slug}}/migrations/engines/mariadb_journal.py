"""Takes a revision up again where it stopped, on an engine that commits at every DDL statement.

Each statement of a revision has a number and is written down in a table. A row about DML is part of the same
transaction as the DML; a row about DDL is committed by the DDL itself, as begun, and then marked as done. So
what is in the journal has run, but for one statement that may have been in flight: the server itself says,
when that is tried again, whether it was done (its table exists already, its column is gone, …).
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Connection, event

from .errors import MigrationError

TABLE = "migration_journal"
CREATE = """CREATE TABLE IF NOT EXISTS migration_journal (
    step VARCHAR(64), position INT, digest CHAR(64), done BOOL, statement MEDIUMTEXT,
    PRIMARY KEY (step, position)
) CHARACTER SET utf8mb4"""
WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w*)", re.DOTALL)
# Statements that end the transaction: https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
DDL = {"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"}
DML = {"DELETE", "INSERT", "REPLACE", "UPDATE"}
# What the server answers to a statement whose work is done: https://mariadb.com/kb/en/mariadb-error-code-reference/
DONE = {1005, 1007, 1008, 1050, 1051, 1054, 1060, 1061, 1068, 1091, 1146, 1826}


class Journal:
    """The journal of one run on `connection`; without a step it writes nothing."""

    def __init__(self, connection: Connection) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.step: str | None = None
        self.begun: tuple[int, bool, str, str] | None = None

    def _run(self, sql: str, *values: Any) -> Any:
        cursor = self.driver.cursor()
        cursor.execute(sql, values)
        return cursor

    def half_applied(self) -> list[str]:
        """The steps that have begun and not ended: none, or one."""
        if not self._run("SHOW TABLES LIKE 'migration_journal'").fetchone():
            return []
        return [step for (step,) in self._run("SELECT DISTINCT step FROM migration_journal").fetchall()]

    def open(self, step: str) -> None:
        """Begin with a step, or go on with it."""
        if others := [other for other in self.half_applied() if other != step]:
            raise MigrationError(
                f"Revision {others[0]} is half applied: `make migrate` with its file takes it up."
            )
        self._run(CREATE)
        rows = self._run(
            "SELECT position, digest, done, statement FROM migration_journal WHERE step = %s", step
        )
        self.rows = {position: rest for position, *rest in rows.fetchall()}
        self.driver.commit()
        self.step, self.position = step, 0
        if self.rows:
            click.echo(f"Taking up {step} where it stopped: {len(self.rows)} of its statements have run.")

    def close(self) -> None:
        """In the transaction that stores the new revision."""
        self._run("DELETE FROM migration_journal WHERE step = %s", self.step)
        self.step = None

    def remove(self) -> None:
        if not self.half_applied():
            self._run("DROP TABLE IF EXISTS migration_journal")

    def before(self, statement: str, parameters: Any) -> bool:
        """Return whether the statement is to run; raises MigrationError where the file has changed."""
        word = WORD.match(statement)[1].upper()  # type: ignore[index]
        if self.step is None or word not in DDL | DML:
            return True
        self.position += 1
        digest = hashlib.sha256(f"{statement}{parameters!r}".encode()).hexdigest()
        row = self.rows.get(self.position)
        if row and row[0] != digest:
            ran = "; ".join(" ".join(old.split())[:80] for _digest, _done, old in self.rows.values())
            raise MigrationError(
                f"{self.step} stopped half-way, and what has run of it has changed in its file since: put it "
                f"back, only what comes after may change. These have run: {ran}."
            )
        if row and (row[1] or self._was_done(statement, parameters)):
            return False
        if word in DDL and not row:
            self._write(digest, False, statement)
        self.begun = (self.position, word in DDL, digest, statement)
        return True

    def after(self) -> None:
        if self.begun is None:
            return
        position, is_ddl, digest, statement = self.begun
        self.begun = None
        if is_ddl:
            self._run(
                "UPDATE migration_journal SET done = TRUE WHERE step = %s AND position = %s",
                self.step,
                position,
            )
            self.driver.commit()
        else:
            self._write(digest, True, statement)

    def failed(self) -> None:
        """The server refused the statement, so it has not run and may be changed."""
        if self.begun and self.begun[1] and self.driver.open:
            query = "DELETE FROM migration_journal WHERE step = %s AND position = %s"
            self._run(query, self.step, self.begun[0])
            self.driver.commit()
        self.begun = None

    def _write(self, digest: str, done: bool, statement: str) -> None:
        query = "INSERT INTO migration_journal VALUES (%s, %s, %s, %s, %s)"
        self._run(query, self.step, self.position, digest, done, statement)

    def _was_done(self, statement: str, parameters: Any) -> bool:
        """Try the statement that was in flight; either way it is done afterwards."""
        try:
            self._run(statement, *parameters) if parameters else self.driver.cursor().execute(statement)
        except Exception as error:
            if not error.args or error.args[0] not in DONE:
                raise
        self.begun = (self.position, True, "", statement)
        self.after()
        return True


@contextmanager
def journalling(connection: Connection, version_table: str) -> Iterator[Journal]:
    """Watch the statements on `connection`; the listeners are gone afterwards."""
    journal = Journal(connection)

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if version_table in statement or journal.before(statement, parameters):
            return statement, parameters
        return "DO 0", ()

    def after(*_: Any) -> None:
        journal.after()

    def failed(_context: Any) -> None:
        journal.failed()

    event.listen(connection, "before_cursor_execute", before, retval=True)
    event.listen(connection, "after_cursor_execute", after)
    event.listen(connection.engine, "handle_error", failed)
    try:
        yield journal
        journal.remove()
    finally:
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)
        event.remove(connection.engine, "handle_error", failed)
