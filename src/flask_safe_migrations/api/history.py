"""The chain of revisions, and which of them each database has."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from .. import _compat, runtime
from ..backends.base import Database
from ..context import on_bind
from ..errors import MigrationError, UsageError
from ..revisions import files
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..runtime.heads import unknown_revision
from .migration import status

APPLIED, PENDING, HALF_APPLIED = "applied", "pending", "half applied"


@dataclass(frozen=True)
class HistoryRevision:
    """A revision, its place in the chain, and its state in each database.

    :param parents: the revisions that it comes directly after.
    :param depends_on: the revisions of other branches that it requires.
    :param replaces: the revisions that a squash has folded into it.
    :param states: "applied", "pending" or "half applied", by the name of the database.
    """

    revision: str
    message: str
    path: Path
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    is_head: bool = False
    replaces: tuple[str, ...] = ()
    states: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str | None:
        """Its state in all databases, "partly applied" if they differ, None if none could be read."""
        states = set(self.states.values())
        return "partly applied" if len(states) > 1 else next(iter(states), None)


@dataclass(frozen=True)
class History:
    """The revisions, newest first.

    :param problems: why the state of a database is not known, by its name.
    """

    revisions: tuple[HistoryRevision, ...]
    problems: dict[str, str]


def history(revisions: str | None = None, *, bind: str | None = None) -> History:
    """Return the chain of revisions. A database that does not answer is named in `problems`.

    Example::

        for revision in api.history().revisions:
            print(revision.revision, revision.message, revision.state)

    :param revisions: only this range, such as "base:head" or "3f1d9a:".
    :param bind: the database. The default is all databases.
    :raises MigrationError: if the revision files are not consistent, or there is no such revision.
    """
    with on_bind(bind):
        script = runtime.directory()
        selected = _select(script, revisions)
        states: dict[str, dict[str, str]] = {revision.revision: {} for revision in selected}
        problems = {}
        for database in binds.databases():
            try:
                touched = [each for each in selected if binds.touches(each.module, database.bind)]
                _read_states(database, touched, states)
            except MigrationError as error:
                problems[binds.label(database)] = error.message
    return History(tuple(_describe(each, states[each.revision]) for each in selected), problems)


def _select(script: ScriptDirectory, revisions: str | None) -> list[Script]:
    if not revisions:
        return files.sort_revisions(script)[::-1]
    start, colon, end = revisions.partition(":")
    if not colon:
        raise UsageError("A range of revisions has the form START:END, such as base:head.")
    try:
        return list(script.walk_revisions(start or "base", end or "heads"))
    except CommandError as error:
        names = [name for name in (start, end) if name and not _exists(script, name)]
        raise MigrationError(unknown_revision(names[0] if names else revisions, None, script)) from error


def _exists(script: ScriptDirectory, name: str) -> bool:
    try:
        script.get_revisions(name)
    except CommandError:
        return False
    return True


def _read_states(database: Database, revisions: Iterable[Script], states: dict[str, dict[str, str]]) -> None:
    """Add the state of each revision that changes this database."""
    name = binds.label(database)
    (read,) = status(name)
    half_applied = ""
    with one_sentence(database):
        if read.exists:
            with database.connect() as connection:
                found = database.read_half_applied(connection)
                half_applied = found.step if found else ""
    if read.problem and not half_applied:
        raise MigrationError(read.problem)
    pending = {each.revision for each in read.pending}
    for revision in revisions:
        id_ = revision.revision
        # The step of a downgrade has words before the id.
        state = HALF_APPLIED if id_ in half_applied.split() else PENDING if id_ in pending else APPLIED
        states[id_][name] = state


def _describe(revision: Script, states: dict[str, str]) -> HistoryRevision:
    parents = tuple(_compat.parents(revision))
    return HistoryRevision(
        revision=revision.revision,
        message=revision.doc,
        path=Path(revision.path),
        parents=parents,
        depends_on=tuple(sorted(set(_compat.parents_and_dependencies(revision)) - set(parents))),
        labels=tuple(sorted(_compat.own_branch_labels(revision))),
        is_head=revision.is_head,
        replaces=tuple(getattr(revision.module, "replaces", ())),
        states=states,
    )
