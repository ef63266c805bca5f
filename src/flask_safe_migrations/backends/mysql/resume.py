"""Resumes a revision where it stopped, because every DDL statement commits.

Each statement of a revision has a number and is recorded in the journal. DML inside an autocommit_block()
is not recorded, because it commits by itself. Such a block runs again from its beginning and must tolerate
that.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from ... import output
from ...errors import MigrationError
from ..locking import poll_until
from .galera import Lease
from .in_flight import Catalogue
from .journal import Journal, Row, explain
from .statements import DDL, DML, first_word


class Resumption:
    """The progress of one run. Without a step it writes nothing."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.catalogue = Catalogue(journal.run, journal.version())
        self.step: str | None = None
        # The statement that is running, or the one that is skipped because it has already run.
        self.current: Row | None = None

    def open(self, step: str) -> None:
        """Begin a step, or resume it."""
        if others := [other for other in self.journal.steps() if other != step]:
            raise MigrationError(explain(others[0]))
        self.rows = self.journal.read(step)
        self.step, self.position = step, 0
        if self.rows:
            done = sum(row.done for row in self.rows.values())
            output.line(f"Taking up {step} where it stopped: {done} of its statements have run.")
        for session in (row.session for row in self.rows.values() if not row.done):
            self._wait_for(session)

    def _wait_for(self, session: int | None) -> None:
        """Wait until the server has noticed that a process is gone: it may still run its statement."""
        who = f"connection {session}, whose process is gone,"
        poll_until(lambda: not self.journal.is_busy(session), lambda: who, self.journal.place)

    def close(self) -> None:
        """Remove the journal, in the transaction that stores the new revision."""
        self.journal.fence()
        if self.step is not None:
            self.journal.clear(self.step)
            self.step = None

    def before(self, statement: str, parameters: Any) -> str | None:
        """Return the statement to run now, or None if it has already run.

        Raises MigrationError if that cannot be determined.
        """
        self.current = None
        if self.journal.lease:
            self.journal.lease.check()
        word = first_word(statement)
        if self.step is None or word not in DDL | DML:
            return statement
        if word in DML and self.journal.commits_by_itself():
            return statement
        self.position += 1
        digest = hashlib.sha256(f"{statement}{parameters!r}".encode()).hexdigest()
        row = self.rows.get(self.position)
        if row and row.digest != digest:
            ran = "; ".join(" ".join(old.statement.split())[:80] for old in self.rows.values())
            raise MigrationError(
                f"{self.step} stopped half-way, and what has run of it has changed in its file since: put it "
                f"back, only what comes after may change. These have run: {ran}."
            )
        left: str | None = statement
        if row is None:
            row = Row(digest, statement, done=word in DML)
            if word in DDL:
                before_it = self.catalogue.describe(statement)
                row = row._replace(before_it=before_it, version=self.catalogue.version)
                self.journal.fence()
                self.journal.write(self.step, self.position, row)  # the statement will commit it
        elif row.done:
            left = None
        else:
            left = self.catalogue.left_to_run(self.step, row)
            self.journal.fence()
            self.journal.adopt(self.step, self.position)
        self.current = row
        return left

    def after(self, cursor: Any) -> None:
        row, self.current = self.current, None
        if row is None or self.step is None:
            return
        if not row.done:
            self.journal.mark(self.step, self.position)
        elif self.position in self.rows:  # the driver's result from when it ran
            cursor.rowcount, cursor.lastrowid = row.matched or 0, row.last_id
        else:
            said = row._replace(matched=cursor.rowcount, last_id=cursor.lastrowid)
            self.journal.write(self.step, self.position, said)

    def failed(self) -> None:
        """Forget a statement that the server refused: it has not run and may be changed."""
        row, self.current = self.current, None
        if row and not row.done and self.step is not None:
            # If this fails as well, the next run corrects it.
            with suppress(DBAPIError, MigrationError):
                self.journal.forget(self.step, self.position)


@contextmanager
def resuming(
    connection: Connection, own_tables: Collection[str], lease: Lease | None
) -> Iterator[Resumption]:
    """Watch the statements on `connection`, except those on this library's own tables."""
    resumption = Resumption(Journal(connection, lease))
    ours = re.compile(rf"(?<![\w$])({'|'.join(map(re.escape, own_tables))})(?![\w$])")

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if ours.search(statement):
            return statement, parameters
        left = resumption.before(statement, parameters)
        return (left, parameters) if left else ("DO 0", ())

    def after(_c: Any, cursor: Any, *_: Any) -> None:
        resumption.after(cursor)

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
