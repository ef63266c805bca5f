"""Resumes a revision where it stopped, because every DDL statement commits.

Each statement of a revision has a number and is recorded in the journal. So is the result of each query,
because the statements depend on it. DML inside an autocommit_block() is not recorded, because it commits by
itself. Such a block runs again from its beginning and must tolerate that.
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError

from ... import output
from ...errors import MigrationError
from ..locking import poll_until
from .journal import Journal, Row, explain
from .lock import Lease
from .query_results import FAILING
from .revision_position import RevisionPosition
from .statements import CODE, COUNTER, DDL, DML, QUERIES, first_word, quote

NAME = re.compile(r"`((?:[^`]|``)+)`|([\w$]+)")
# For each kind: where it is listed, and under which name. Views and sequences are listed as tables.
LISTS = {
    "TABLE": ("tables", "table"),
    "TRIGGER": ("triggers", "trigger"),
    "PROCEDURE": ("routines", "routine"),
    "FUNCTION": ("routines", "routine"),
    "EVENT": ("events", "event"),
}
DROP = re.compile(r"\b(DROP\s+(?:TABLE|VIEW|SEQUENCE))\s+(?!IF\b)", re.IGNORECASE)
EXCHANGE = re.compile(r"\bEXCHANGE\s+PARTITION\b", re.IGNORECASE)
RENAME = re.compile(r"\bRENAME\s+TABLE\b(.*)", re.IGNORECASE | re.DOTALL)
LITERAL = re.compile(r"'(?:[^'\\]|''|\\.)*'")
HALF = 32  # characters of each of the two digests of a statement
RENAMED = re.compile(r"([\w$.]+)\s+TO\s+([\w$.]+)", re.IGNORECASE)


class Catalogue:
    """Determines whether an interrupted statement has run, by comparing the objects that it names.

    The lock guarantees that no other statement has changed them.
    https://mariadb.com/kb/en/show-create-table/
    """

    def __init__(self, run: Callable[..., Any], version: str) -> None:
        self.run = run
        self.version = version

    def describe(self, statement: str) -> str:
        """Return a digest of the definitions of all existing objects that the statement names."""
        names = sorted({quoted.replace("``", "`") or word for quoted, word in NAME.findall(statement)})
        definitions = []
        for kind in LISTS.keys() & {"TABLE", *map(str.upper, names)}:
            for path in self._find(kind, names):
                shown = self.run(f"SHOW CREATE {kind} {'.'.join(map(quote, path))}").fetchall()
                definitions.append(COUNTER.sub("", repr((kind, path, shown))))
        return hashlib.sha256(repr(sorted(definitions)).encode()).hexdigest()

    def _find(self, kind: str, names: list[str]) -> list[tuple[str, str]]:
        listed, prefix = LISTS[kind]
        schema, name = f"{prefix}_schema", f"{prefix}_name"
        query = (
            f"SELECT {schema}, {name} FROM information_schema.{listed} "  # noqa: S608
            f"WHERE ({schema} = database() OR {schema} IN %s) AND {name} IN %s"
        )
        if listed == "routines":
            query += f" AND routine_type = '{kind}'"
        return list(self.run(query, [names, names]).fetchall())

    def left_to_run(self, step: str, row: Row) -> str | None:
        """Return what is left of the interrupted statement: all of it, a part, or None.

        Raises MigrationError if that cannot be determined: after a swap, two tables with the same
        definition look the same, and a server of another version reports definitions differently.
        """
        statement = row.statement
        unchanged = self.describe(statement) == row.before_it
        if row.version != self.version or (unchanged and exchanges_tables(statement)):
            raise MigrationError(
                f"{step} was stopped in the middle of a statement, and the server cannot tell whether that "
                f"ran: {' '.join(statement.split())}. Look for yourself; in table migration_journal, in the "
                "row with done = 0, set 1 if it ran, or delete the row if not; then `flask db upgrade`."
            )
        if unchanged:
            return statement
        if first_word(statement) == "DROP" and DROP.search(statement):
            return DROP.sub(r"\1 IF EXISTS ", statement, count=1)  # some of several may be left
        return None


def exchanges_tables(statement: str) -> bool:
    """Return whether the statement exchanges tables, so that the same names exist afterwards."""
    if EXCHANGE.search(statement):
        return True
    if not (renames := RENAME.match(statement.strip())):
        return False
    held: dict[str, str] = {}
    for old, new in RENAMED.findall(renames[1].replace("`", "")):
        held[new] = held.pop(old, old)
    return set(held) == set(held.values())


def is_same_statement(row: Row, digest: str) -> bool:
    """Return whether the statement that has run is the one with this digest.

    A value of an INSERT or UPDATE may be another one in each run, such as uuid4(): then the source decides.
    """
    if row.digest[:HALF] == digest[:HALF]:
        return True
    return first_word(row.statement) in DML and row.digest[HALF:] == digest[HALF:]


class Resumption:
    """The progress of one run. Without a step it writes nothing."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.catalogue = Catalogue(journal.run, journal.version())
        self.step: str | None = None
        # The statement that is running, or the one that is skipped because it has already run.
        self.current: Row | None = None
        # The first word and the digest of the query that is running, if its result is to be recorded.
        self.query: tuple[str, str] | None = None

    def open(self, step: str, revision: RevisionPosition) -> None:
        """Begin a step, or resume it."""
        if others := [other for other in self.journal.steps() if other != step]:
            raise MigrationError(explain(others[0]))
        self.rows = self.journal.read(step)
        self.results = self.journal.read_results(step)
        self.step, self.position, self.revision = step, 0, revision
        self.number = 0  # of queries and statements
        self.current = self.query = None
        if self.rows:
            done = sum(row.done for row in self.rows.values())
            output.line(f"Taking up {step} where it stopped: {done} of its statements have run.")
        for session in (row.session for row in self.rows.values() if not row.done):
            self._wait_for(session)

    def _wait_for(self, session: int | None) -> None:
        """Wait until the server has noticed that a process is gone: it may still run its statement."""
        who = f"connection {session}, whose process is gone,"
        poll_until(lambda: not self.journal.is_busy(session), lambda: who, self.journal.database)

    def abandon(self, step: str) -> None:
        """Forget how far the step has come. What has run of it stays."""
        for row in self.journal.read(step).values():
            if not row.done:
                self._wait_for(row.session)
        self.journal.fence()
        self.journal.clear(step)
        self.journal.commit()
        self.journal.remove()

    def close(self) -> None:
        """Remove the journal, in the transaction that stores the new revision."""
        self.journal.fence()
        if self.step is not None:
            self.journal.clear(self.step)
            self.step = None

    def before(self, statement: str, parameters: Any, *, is_interpolated: bool = True) -> str:
        """Return the statement to run now: this one, or one that has the result which it had before.

        Raises MigrationError if that cannot be determined.

        :param is_interpolated: whether the driver replaces %s, and %% by a percent sign.
        """
        self._record_failure()
        self.current = None
        if self.journal.lease:
            self.journal.lease.check()
        word = first_word(statement)
        if self.step is None or word not in DDL | DML | QUERIES:
            return statement
        if word not in DDL and self.journal.commits_by_itself():
            return statement
        if word in QUERIES and not self.revision.is_asking():
            return statement
        self.number += 1
        result = self.results.get(self.number)
        again = result.statement if result else "DO 0"
        again = again.replace("%", "%%") if is_interpolated else again
        if word in QUERIES:
            digest = hashlib.sha256(f"{statement}{parameters!r}".encode()).hexdigest()
            if result is None:
                self.query = (word, digest)
            return again if result and result.digest == digest else statement
        self.position += 1
        digest = self._digest(statement, parameters)
        row = self.rows.get(self.position)
        if row and not is_same_statement(row, digest):
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
        return left or again

    def _digest(self, statement: str, parameters: Any) -> str:
        """Return the digest of the SQL with its values, then the one of its kind and its source."""
        exact = hashlib.sha256(f"{statement}{parameters!r}".encode()).hexdigest()
        source = f"{LITERAL.sub('?', statement)}{_form(parameters)!r}{self.revision.digest()}"
        return exact[:HALF] + hashlib.sha256(source.encode()).hexdigest()[:HALF]

    def after(self, cursor: Any, *, is_buffered: bool = True) -> None:
        """Record the result of the statement, or give the cursor that of its first run.

        :param is_buffered: whether the cursor has all rows, and can return them twice.
        """
        (row, self.current), (query, self.query) = (self.current, None), (self.query, None)
        if self.step is None:
            return
        if query and is_buffered:
            self._record_result(query[1], cursor)
        if row is None:
            return
        if not row.done:
            self.journal.mark(self.step, self.position)
        elif self.position in self.rows:  # the driver's result from when it ran
            cursor.rowcount, cursor.lastrowid = row.matched or 0, row.last_id
        else:
            is_committed = first_word(row.statement) in CODE and self.journal.commits_in_code()
            result = row._replace(matched=cursor.rowcount, last_id=cursor.lastrowid)
            self.journal.write(self.step, self.position, result)
            if cursor.description and is_buffered:
                self._record_result(row.digest, cursor)
            if is_committed:
                self.journal.commit()

    def _record_result(self, digest: str, cursor: Any) -> None:
        rows = cursor.fetchall()
        if rows:
            cursor.scroll(0, "absolute")
        select = self.journal.write_select([column[0] for column in cursor.description], rows)
        if select:
            self._write_result(digest, select)

    def _record_failure(self) -> None:
        """Record that a table did not exist: SQLAlchemy looks for it with DESCRIBE."""
        query, self.query = self.query, None
        if query and query[0] != "SELECT":
            self._write_result(query[1], FAILING)

    def _write_result(self, digest: str, statement: str) -> None:
        if self.step is not None:
            self.journal.write(self.step, -self.number, Row(digest, statement, True, self.position))

    def failed(self) -> None:
        """Forget a statement that the server refused: it has not run and may be changed."""
        row, self.current = self.current, None
        if row and not row.done and self.step is not None:
            # If this fails as well, the next run corrects it.
            with suppress(DBAPIError, MigrationError):
                self.journal.forget(self.step, self.position)


def _form(parameters: Any) -> Any:
    """Return parameters without the values that may differ in each run.

    Numbers are kept: they select rows, and a row that has not been changed must not be skipped.
    """
    if isinstance(parameters, Mapping):
        return {name: _form(value) for name, value in parameters.items()}
    if isinstance(parameters, list | tuple):
        return [_form(value) for value in parameters]
    return parameters if isinstance(parameters, int | None) else type(parameters).__name__


@contextmanager
def resuming(
    connection: Connection, own_tables: Collection[str], lease: Lease | None
) -> Iterator[Resumption]:
    """Watch the statements on `connection`, except those on this library's own tables."""
    resumption = Resumption(Journal(connection, lease))
    ours = re.compile(rf"(?<![\w$])({'|'.join(map(re.escape, own_tables))})(?![\w$])")

    def before(
        own: Any, _cursor: Any, statement: str, parameters: Any, context: Any, _many: bool
    ) -> tuple[str, Any]:
        if ours.search(statement):
            return statement, parameters
        # The reflection of a table leaves this option on the connection, and `failed` would not be called:
        # https://github.com/sqlalchemy/sqlalchemy/blob/main/lib/sqlalchemy/dialects/mysql/base.py
        if own.get_execution_options().get("skip_user_error_events"):
            own.execution_options(skip_user_error_events=False)
        options = context.execution_options
        now = resumption.before(statement, parameters, is_interpolated=not options.get("no_parameters"))
        return (statement, parameters) if now == statement else (now, ())

    def after(_own: Any, cursor: Any, _statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        resumption.after(cursor, is_buffered=not context.execution_options.get("stream_results"))

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
