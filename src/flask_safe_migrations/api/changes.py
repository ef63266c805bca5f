"""What revisions do, in words and in SQL, and what is dangerous about it."""

from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from .. import runtime, safety
from ..backends.base import Database
from ..context import Recorder, on_bind
from ..errors import MigrationError
from ..revisions import files
from ..revisions.git import Git
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..settings import active
from ..verification.round_trip import ShadowWalk
from .verification import collect_statements

Record = Callable[[ShadowWalk, Script, Recorder], list[safety.RecordedOperation]]


@dataclass(frozen=True)
class DatabaseChange:
    """What the upgrade of a revision does to one database.

    :param name: the name of the bind.
    :param description: a line for each operation, such as "adds column users.phone (VARCHAR(30), nullable)".
    :param sql: the statements that change the schema or rows.
    :param problem: why the revision, or one before it, failed. Then the rest is incomplete.
    """

    name: str
    engine: str
    description: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    warnings: tuple[safety.Finding, ...] = ()
    problem: str | None = None


@dataclass(frozen=True)
class RevisionChanges:
    """A revision, and what it does to each database that it changes."""

    revision: str
    message: str
    path: Path
    databases: tuple[DatabaseChange, ...]


def describe_revisions(revisions: Collection[str], *, bind: str | None = None) -> list[RevisionChanges]:
    """Run revisions on a shadow database and return what they do, the oldest first.

    Example::

        for changes in api.describe_revisions(api.find_new_revisions("origin/main") or ()):
            print(changes.revision, changes.databases[0].description)

    :param revisions: the ids. Unknown ones are skipped.
    :param bind: the database. The default is all databases.
    :raises MigrationError: if the revision files are not consistent.
    """
    with on_bind(bind):
        return record_revisions(revisions, ShadowWalk.record)


def record_revisions(revisions: Collection[str], record: Record) -> list[RevisionChanges]:
    """Return what `describe_revisions` does.

    :param record: runs a revision on a shadow database; a caller may read that database before and after.
    """
    script = runtime.directory()
    chosen = [each for each in files.sort_revisions(script) if each.revision in revisions]
    found: dict[str, list[DatabaseChange]] = {each.revision: [] for each in chosen}
    for database in binds.databases():
        touched = [each for each in chosen if binds.touches(each.module, database.bind)]
        for revision, change in _run(database, script, touched, record):
            found[revision.revision].append(change)
    return [
        RevisionChanges(each.revision, each.doc, Path(each.path), tuple(found[each.revision]))
        for each in chosen
    ]


def find_new_revisions(ref: str) -> set[str] | None:
    """Return the ids of the revisions that a commit, tag or branch of git does not have.

    Return None if there is no such commit, or no git.
    """
    git = Git(active().project_folder)
    if not git.has_commit(ref):
        return None
    script = runtime.directory()
    known = git.list_revisions(ref, files.folders(script))
    return {each.revision for each in files.sort_revisions(script)} - known


def _run(
    database: Database, script: ScriptDirectory, revisions: list[Script], record: Record
) -> Iterator[tuple[Script, DatabaseChange]]:
    """Run the revisions one after the other; after a failure, the others are not known."""
    name, engine = binds.label(database), database.title
    problem = None
    with ExitStack() as stack:
        walk = ShadowWalk(database, script, stack)
        for revision in revisions:
            if problem:
                yield revision, DatabaseChange(name, engine, problem=problem)
                continue
            statements: list[str] = []
            watch = partial(collect_statements, database, statements=statements)
            try:
                with one_sentence(database):
                    recorded = record(walk, revision, watch)
            except MigrationError as error:
                recorded, problem = walk.recorded, error.message
            warnings = safety.find_warnings(recorded, database, Path(revision.path))
            description = tuple(safety.describe(recorded))
            yield (
                revision,
                DatabaseChange(name, engine, description, tuple(statements), tuple(warnings), problem),
            )
