"""The revision of each database, and the pending revisions."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from alembic.script import ScriptDirectory

from .. import _compat, runtime
from ..backends.base import Database
from ..context import choice, choose
from ..errors import MigrationError
from ..runtime import applied, binds
from ..runtime.checks import refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import describe, stored_heads


@dataclass(frozen=True)
class PendingRevision:
    """A revision that a database does not have yet."""

    revision: str
    message: str


@dataclass(frozen=True)
class DatabaseStatus:
    """The status of one database: the name of its bind, its URL without the password, its revision."""

    name: str
    engine: str
    url: str
    exists: bool
    # The ids of its revisions: none if the database is empty, several if branches were not merged.
    heads: tuple[str, ...]
    # The ids with their messages, as printed by `flask db status`.
    revision: str
    pending: tuple[PendingRevision, ...]
    # One sentence for each revision whose file was changed after it was applied.
    changed: tuple[str, ...]
    # Why the database does not match the revisions, and how to fix it.
    problem: str | None = None


@contextmanager
def on_bind(bind: str | None) -> Iterator[None]:
    """Run the block for one bind. None means all databases, or the one that is already selected."""
    with choose(replace(choice(), bind=bind) if bind else choice()):
        yield


def status(bind: str | None = None) -> list[DatabaseStatus]:
    """Return the status of each database.

    Example::

        for database in api.status():
            print(database.name, database.revision, len(database.pending))

    :param bind: the database. The default is all databases.
    :raises MigrationError: if a database does not answer.
    """
    with on_bind(bind):
        script = runtime.directory()
        return [_status(database, script) for database in binds.databases()]


def _status(database: Database, script: ScriptDirectory) -> DatabaseStatus:
    with one_sentence(database):
        exists = database.exists()
        version = ""
        half_applied = None
        changed: list[str] = []
        problem: str | None
        steps: list[Any]
        heads = stored_heads(database)
        if exists:
            with database.connect() as connection:
                version = database.version(connection)
                changed = applied.changed(connection, script, heads)
                half_applied = database.explain_half_applied(connection)
        try:
            refuse_unknown(database, script, heads)
        except MigrationError as error:
            problem, steps = error.message, []
        else:
            current: Any = tuple(heads)  # several heads are accepted, despite the annotation
            problem, steps = half_applied, _compat.upgrade_steps(script, "heads", current)
    return DatabaseStatus(
        name=binds.label(database),
        engine=f"{database.title} {version}".rstrip(),
        url=str(database),
        exists=exists,
        heads=tuple(sorted(heads)),
        revision=describe(script, heads),
        pending=tuple(PendingRevision(step.revision.revision, step.revision.doc) for step in steps),
        changed=tuple(changed),
        problem=problem,
    )
