"""Verify a revision with a round trip, and report its description, its SQL and its risks."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection, event

from .. import output, safety, verification
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime.differences import every

SHOWN = 30  # lines of SQL
SCHEMA_OR_DATA = re.compile(r"\s*(ALTER|COMMENT|CREATE|DELETE|DROP|INSERT|UPDATE|TRUNCATE)\b", re.IGNORECASE)


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

    @contextmanager
    def watch(connection: Connection) -> Iterator[None]:
        with (
            safety.record_operations(Path(revision.path), connection) as found,
            _collecting(shadow, connection, statements),
        ):
            try:
                yield
            finally:
                recorded.extend(found)

    failure = None
    try:
        empty = round_trip.run(watch, models=round_trip.affected_tables.includes if compared else every)
    except verification.RoundTripError as error:
        failure = error
    description = tuple(safety.describe(recorded))
    for line in description:
        output.line(f"  {line}")
    findings = safety.find_warnings(recorded, shadow, Path(revision.path))
    if failure:
        _warn(findings)
        raise MigrationError(
            f"Not proved. {failure.message} The file stays: fix it, then `flask db new --prove`."
        ) from failure
    _tell_sql(shadow, statements)
    without = f" (no rows could be made up for {', '.join(empty)})" if empty else ""
    reason = round_trip.irreversible_reason
    way = f"up (it cannot be taken back: {reason})" if reason else "up, down and up again"
    output.line(f"Proved: {way} on a shadow database with rows{without}.")
    _warn(findings)
    return Proof(shadow.title, description, tuple(statements), tuple(findings), tuple(empty), reason)


@contextmanager
def _collecting(database: Database, connection: Connection, statements: list[str]) -> Iterator[None]:
    def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if SCHEMA_OR_DATA.match(statement) and database.version_table not in statement:
            statements.append(" ".join(statement.split()))

    event.listen(connection, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before)


def _tell_sql(database: Database, statements: list[str]) -> None:
    output.line(f"SQL on {database.title}:")
    for statement in statements[:SHOWN]:
        output.line(f"  {statement};")
    if len(statements) > SHOWN:
        output.line(f"  … and {len(statements) - SHOWN} more: `flask db sql` shows all of it.")


def _warn(findings: list[safety.Finding]) -> None:
    for finding in findings:
        output.line(f"Warning, {finding}")
    if any(not finding.accepted for finding in findings):
        output.line("A warning is accepted by a reason on the line above: # safe: unused since 2026-10.")
