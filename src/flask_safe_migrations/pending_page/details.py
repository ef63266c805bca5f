"""Find out what the pending revisions do, in words, in SQL, and with what is dangerous about them.

They run on a shadow database that has the revisions before them, as `flask db new` does it. The database of
the application is not touched.
"""

from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from .. import runtime, safety
from ..api.verification import make_watch
from ..backends.base import Database
from ..errors import MigrationError, first_line
from ..runtime.errors import one_sentence
from .state import Details

DESCRIBED = 10  # revisions: each of them runs


class DetailsReader:
    """Runs the pending revisions once, until one of the files or the database changes."""

    def __init__(self) -> None:
        self.known: dict[str | None, tuple[Any, dict[str, Details]]] = {}

    def read(
        self, database: Database, script: ScriptDirectory, heads: set[str], pending: list[Script]
    ) -> dict[str, Details]:
        """Return the details of the first pending revisions, by id."""
        pending = pending[:DESCRIBED]
        paths = [Path(revision.path) for revision in pending]
        key = (frozenset(heads), [(path, path.stat().st_mtime_ns) for path in paths])
        known, details = self.known.get(database.bind, (None, {}))
        if known != key:
            details = _run(database, script, heads, pending)
            if all(each.failed or not each.problem for each in details.values()):
                self.known[database.bind] = (key, details)
        return details


def _run(
    database: Database, script: ScriptDirectory, heads: set[str], pending: list[Script]
) -> dict[str, Details]:
    found: dict[str, Details] = {}
    revision, has_begun = pending[0], False
    try:
        at = ",".join(sorted(heads)) or "base"
        with one_sentence(database), runtime.shadow_at(database, script, at) as shadow:
            for revision in pending:
                has_begun = True
                found[revision.revision] = _record(shadow, script, revision)
    except MigrationError as error:
        found[revision.revision] = Details(problem=error.message, failed=has_begun)
    except SQLAlchemyError as error:  # no right to create a shadow database, say
        found[revision.revision] = Details(problem=f"{first_line(getattr(error, 'orig', error))}.")
    return found


def _record(shadow: Database, script: ScriptDirectory, revision: Script) -> Details:
    operations: list[safety.RecordedOperation] = []
    statements: list[str] = []
    watch = make_watch(shadow, revision, operations, statements)
    runtime.run(shadow, script, revision.revision, upgrade=True, recorder=watch)
    return Details(
        description=tuple(safety.describe(operations)),
        sql=tuple(_tidy(statement) for statement in statements),
        warnings=tuple(safety.find_warnings(operations, shadow, Path(revision.path))),
    )


def _tidy(statement: str) -> str:
    """Keep the lines of a statement: SQLAlchemy indents with tabs, and leaves spaces at their ends."""
    lines = [line.rstrip() for line in statement.expandtabs(4).splitlines()]
    return "\n".join(line for line in lines if line)
