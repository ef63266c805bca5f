"""Verify all revisions, or one that was just written, before they reach production."""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, event

from .. import output, safety, verification
from ..backends.base import Database
from ..backends.escaping import read_statement
from ..context import Recorder, on_bind
from ..errors import MigrationError
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..safety.model_differences import all_tables
from ..verification.compatibility import check_compatibility
from ..verification.rows import check_rows
from ..verification.suite import Check, Verification

MAX_LINES = 30  # lines of SQL
SAVEPOINT = re.compile(r"(ROLLBACK TO )?SAVEPOINT (\S+)")
SCHEMA_OR_DATA = re.compile(r"\s*(ALTER|COMMENT|CREATE|DELETE|DROP|INSERT|UPDATE|TRUNCATE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Report:
    """The results of all checks. If `ok` of a check is None, it was skipped because of an earlier one."""

    engine: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Return whether no check has failed."""
        return all(check.ok is not False for check in self.checks)


def verify(
    *,
    against: str | None = None,
    data: str | None = None,
    bind: str | None = None,
    on_check: Callable[[Check], None] | None = None,
) -> Report:
    """Verify the revisions.

    Check that there is a single head, that each revision passes a round trip, that there is no drift from
    the models, that constraints have names, and that all warnings are accepted.

    A check that passed before is not run again if nothing has changed. Example::

        report = api.verify()
        assert report.ok

    :param against: check only compatibility with code that still runs at this revision, or at this commit,
        tag or branch of git.
    :param data: check only whether rows are in the way of pending revisions, in the database at this URL
        (such as a copy of production), or in the configured one if it is "".
    :param bind: the database. The default is all databases.
    :param on_check: called with each result as soon as it is known.
    :raises MigrationError: if the checks cannot be run.
    """
    checks = []
    with on_bind(bind):
        databases = binds.databases()
        with one_sentence(databases[0]):
            for check in _run_checks(databases, against, data):
                checks.append(check)
                if on_check:
                    on_check(check)
    return Report(databases[0].title, checks)


def _run_checks(databases: list[Database], against: str | None, data: str | None) -> Iterable[Check]:
    if data is not None:
        return check_rows(databases, data)
    return check_compatibility(databases, against) if against else Verification(databases).run()


@dataclass(frozen=True)
class Proof:
    """What a revision does on one engine, and its risks."""

    engine: str
    # A description of the revision, and its SQL statements.
    description: tuple[str, ...]
    sql: tuple[str, ...]
    warnings: tuple[safety.Finding, ...]
    # Tables that were verified without rows.
    without_rows: tuple[str, ...]
    # The reason why it cannot be downgraded, if the revision gives one.
    irreversible: str | None


def prove_and_report(
    shadow: Database, script: ScriptDirectory, revision: Script, *, compared: bool = False
) -> Proof:
    """Verify a revision with a round trip and report the result.

    :param compared: all models have just been compared, so check only those that the revision changes.
    :raises MigrationError: if the round trip fails. The file is kept.
    """
    round_trip = verification.RoundTrip(shadow, script, revision)
    recorded: list[safety.RecordedOperation] = []
    statements: list[str] = []
    failure = None
    try:
        empty = round_trip.run(
            make_watch(shadow, revision, recorded, statements),
            models=round_trip.affected_tables.includes if compared else all_tables,
        )
    except verification.RoundTripError as error:
        failure = error
    description = tuple(safety.describe(recorded))
    for line in description:
        output.line(f"  {line}")
    findings = safety.find_warnings(recorded, shadow, Path(revision.path))
    if failure:
        _report_warnings(findings)
        with explain_failed_proof():
            raise failure
    statements = [" ".join(statement.split()) for statement in statements]
    _report_sql(shadow, statements)
    without = f" (no rows could be made up for {', '.join(empty)})" if empty else ""
    reason = round_trip.irreversible_reason
    output.line(f"Proved: {describe_proof(reason)} on a shadow database with rows{without}.")
    _report_warnings(findings)
    return Proof(shadow.title, description, tuple(statements), tuple(findings), tuple(empty), reason)


def describe_proof(irreversible: str | None) -> str:
    return f"up (it cannot be taken back: {irreversible})" if irreversible else "up, down and up again"


@contextmanager
def explain_failed_proof() -> Iterator[None]:
    """Say what to do about a revision that fails its round trip."""
    try:
        yield
    except verification.RoundTripError as error:
        raise MigrationError(
            f"Not proved. {error.message} The file stays: fix it, then `flask db new --prove`."
        ) from error


def make_watch(
    database: Database, revision: Script, operations: list[safety.RecordedOperation], statements: list[str]
) -> Recorder:
    """Return a context manager that adds what the revision does to both lists, also if it fails."""
    record = verification.make_recorder(revision, operations)

    @contextmanager
    def watch(connection: Connection) -> Iterator[None]:
        # First, because the recorder runs statements of MariaDB itself and replaces them.
        with collect_statements(database, connection, statements), record(connection):
            yield

    return watch


@contextmanager
def collect_statements(database: Database, connection: Connection, statements: list[str]) -> Iterator[None]:
    """Collect the SQL that changes the schema or rows, without what is rolled back to a savepoint."""
    savepoints: dict[str, int] = {}

    def before_execute(
        _c: Connection, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool
    ) -> None:
        if match := SAVEPOINT.match(statement):
            if match[1]:
                del statements[savepoints.get(match[2], len(statements)) :]
            else:
                savepoints[match[2]] = len(statements)
        elif SCHEMA_OR_DATA.match(statement) and database.version_table not in statement:
            statements.append(read_statement(statement, context).strip())

    event.listen(connection, "before_cursor_execute", before_execute)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before_execute)


def _report_sql(database: Database, statements: list[str]) -> None:
    output.line(f"SQL on {database.title}:{'' if statements else ' none'}")
    for statement in statements[:MAX_LINES]:
        output.line(f"  {statement};")
    if len(statements) > MAX_LINES:
        output.line(f"  … and {len(statements) - MAX_LINES} more: `flask db sql` shows all of it.")


def _report_warnings(findings: list[safety.Finding]) -> None:
    for finding in findings:
        output.line(f"Warning, {finding}")
    if any(not finding.accepted for finding in findings):
        output.line("A warning is accepted by a reason on the line above: # safe: unused since 2026-10.")
