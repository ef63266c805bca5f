"""Takes a revision up again where it stopped, on an engine that commits at every DDL statement.

Each statement of a revision has a number and is written down in the journal. Of the one that may have been in
flight when the process died the server itself says, when it is tried again, whether it was done (its table
exists already, its column is gone, …).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import click
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from .errors import MigrationError
from .mariadb_journal import Journal
from .mariadb_lease import Lease
from .mariadb_statements import DDL, DML, DONE, code, first_word


@dataclass
class Begun:
    is_ddl: bool
    digest: str
    statement: str


class Resumption:
    """What one run has got to; without a step it writes nothing."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.step: str | None = None
        self.begun: Begun | None = None

    def open(self, step: str) -> None:
        """Begin with a step, or go on with it."""
        if others := [other for other in self.journal.steps() if other != step]:
            raise MigrationError(
                f"Revision {others[0]} is half applied: `make migrate` with its file takes it up."
            )
        self.rows = self.journal.read(step)
        self.step, self.position = step, 0
        if self.rows:
            click.echo(f"Taking up {step} where it stopped: {len(self.rows)} of its statements have run.")

    def close(self) -> None:
        """In the transaction that stores the new revision."""
        self.journal.fence()
        if self.step is not None:
            self.journal.clear(self.step)
            self.step = None

    def before(self, statement: str, parameters: Any) -> bool:
        """Return whether the statement is to run; raises MigrationError where the file has changed."""
        if self.journal.lease:
            self.journal.lease.check()
        word = first_word(statement)
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
        if row and row[1]:
            return False
        if word in DDL:  # which commits
            self.journal.fence()
            if row:
                self._try(statement, parameters)
                return False
            self.journal.write(self.step, self.position, digest, done=False, statement=statement)
        self.begun = Begun(word in DDL, digest, statement)
        return True

    def after(self) -> None:
        begun, self.begun = self.begun, None
        if begun and self.step is not None:
            if begun.is_ddl:
                self.journal.mark(self.step, self.position)
            else:
                written = {"digest": begun.digest, "statement": begun.statement}
                self.journal.write(self.step, self.position, done=True, **written)

    def failed(self) -> None:
        """The server refused the statement, so it has not run and may be changed."""
        begun, self.begun = self.begun, None
        if begun and begun.is_ddl and self.step is not None:
            # Where this fails as well, the next run settles it.
            with suppress(DBAPIError, MigrationError):
                self.journal.forget(self.step, self.position)

    def _try(self, statement: str, parameters: Any) -> None:
        """Try the statement that was in flight; either way it is done afterwards."""
        try:
            self.journal.run(statement, parameters or None)
        except DBAPIError as error:
            if code(error) not in DONE:
                raise
        self.begun = Begun(True, "", statement)
        self.after()


@contextmanager
def resuming(connection: Connection, version_table: str, lease: Lease | None) -> Iterator[Resumption]:
    """Watch the statements on `connection`; the listeners are gone afterwards."""
    resumption = Resumption(Journal(connection, lease))

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if version_table in statement or resumption.before(statement, parameters):
            return statement, parameters
        return "DO 0", ()

    def after(*_: Any) -> None:
        resumption.after()

    def failed(_context: Any) -> None:
        resumption.failed()

    event.listen(connection, "before_cursor_execute", before, retval=True)
    event.listen(connection, "after_cursor_execute", after)
    event.listen(connection.engine, "handle_error", failed)
    try:
        yield resumption
        resumption.journal.remove()
    finally:
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)
        event.remove(connection.engine, "handle_error", failed)
