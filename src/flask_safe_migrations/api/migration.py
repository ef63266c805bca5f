"""The revision of each database and what is pending, and functions that apply and downgrade revisions."""

import io
from dataclasses import dataclass, replace
from typing import Any

from alembic import command
from alembic.script import ScriptDirectory

from .. import _compat, runtime
from ..backends.base import Database, HalfApplied
from ..backends.locking import LockHolder
from ..context import RunContext, choice, choose, on_bind
from ..errors import MigrationError
from ..runtime import applied, binds
from ..runtime.checks import list_head_files, refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, describe, stored_heads


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
    # None if the database does not answer.
    exists: bool | None
    # The ids of its revisions: none if the database is empty, several if branches were not merged.
    heads: tuple[str, ...]
    # The ids with their messages, as printed by `flask db status`.
    revision: str
    pending: tuple[PendingRevision, ...]
    # One sentence for each revision whose file was changed after it was applied.
    changed: tuple[str, ...]
    # Why the database does not match the revisions, and how to fix it.
    problem: str | None = None
    # The file names of the newest revisions: several if branches were not merged.
    newest: tuple[str, ...] = ()
    # The process that migrates it now; others wait for it.
    lock: LockHolder | None = None
    # What has run of a half-applied revision, what is running, and what that waits for.
    running: str | None = None


def status(bind: str | None = None) -> list[DatabaseStatus]:
    """Return the status of each database.

    Example::

        for database in api.status():
            print(database.name, database.revision, len(database.pending))

    :param bind: the database. The default is all databases.
    :raises MigrationError: if there is one database, and it does not answer. One of several has a `problem`.
    """
    with on_bind(bind):
        script = runtime.directory()
        databases = binds.databases()
        read = _read_status if len(databases) == 1 else _read_status_if_reachable
        return [read(database, script) for database in databases]


def _read_status_if_reachable(database: Database, script: ScriptDirectory) -> DatabaseStatus:
    try:
        return _read_status(database, script)
    except MigrationError as error:
        return DatabaseStatus(
            name=binds.label(database),
            engine=database.title,
            url=str(database),
            exists=None,
            heads=(),
            revision="unknown",
            pending=(),
            changed=(),
            problem=error.message,
        )


def _read_status(database: Database, script: ScriptDirectory) -> DatabaseStatus:
    with one_sentence(database):
        exists = database.exists()
        version = ""
        half_applied: HalfApplied | None = None
        stopped: str | None = None
        lock = None
        changed: list[str] = []
        problem: str | None
        steps: list[Any]
        heads = stored_heads(database)
        if exists:
            with database.connect() as connection:
                version = database.version(connection)
                changed = applied.changed(connection, database, script, heads)
                lock = database.find_lock_holder(connection)
                half_applied = database.read_half_applied(connection)
                if not lock:
                    stopped = database.explain_half_applied(connection)
        try:
            refuse_unknown(database, script, heads)
        except MigrationError as error:
            problem, steps = error.message, []
        else:
            current: Any = tuple(heads)  # several heads are accepted, despite the annotation
            problem, steps = stopped, _compat.upgrade_steps(script, "heads", current)
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
        newest=tuple(list_head_files(script)),
        lock=lock,
        running=_describe_running(half_applied) if half_applied else None,
    )


def _describe_running(found: HalfApplied) -> str:
    done = len(found.statements) - found.interrupted
    text = f"{found.step}: {done} statement{'s have' if done != 1 else ' has'} run"
    if found.running:
        return f"{text}, now: {found.statements[-1]} ({found.running})"
    return f"{text}, interrupted in: {found.statements[-1]}" if found.interrupted else text


def upgrade(revision: str = "head", *, bind: str | None = None) -> list[DatabaseStatus]:
    """Apply the pending revisions up to `revision`, and return the resulting status of each database.

    A database that does not exist is created. If several processes call it at the same time, one of them
    applies the revisions and the others wait for its lock. Example::

        for database in api.upgrade():
            print(database.name, database.revision)

    :param revision: a revision id, a relative revision such as "+1", or "head".
    :param bind: the database. The default is all databases.
    :raises MigrationError: if a revision is refused or fails.
    """
    with on_bind(bind):
        command.upgrade(alembic_config(), revision)
        return status()


def downgrade(
    revision: str = "-1", *, bind: str | None = None, may_lose_rows: bool = False
) -> list[DatabaseStatus]:
    """Downgrade to `revision`, and return the resulting status of each database.

    Example::

        api.downgrade("-1", bind="default", may_lose_rows=True)

    :param revision: a revision id, a relative revision such as "-1", or "base".
    :param bind: the database. The default is all databases.
    :param may_lose_rows: permit a downgrade that loses rows outside development. A snapshot is taken first.
    :raises MigrationError: if the downgrade is refused or fails.
    """
    with on_bind(bind), choose(replace(choice(), may_lose_rows=may_lose_rows)):
        command.downgrade(alembic_config(), revision)
        return status()


def pending_sql(bind: str | None = None) -> str:
    """Return the SQL that `upgrade` would run. Nothing is changed.

    :param bind: the database. The default is all databases.
    :raises MigrationError: if a database is at a revision that the code does not have.
    """
    out = io.StringIO()
    with on_bind(bind):
        script = runtime.directory()
        for database in binds.databases():
            with one_sentence(database):
                heads = stored_heads(database)
                if heads == set(script.get_heads()):
                    out.write(f"-- Nothing is pending: {database} has all revisions.\n")
                    continue
                refuse_unknown(database, script, heads)
                config = alembic_config()
                config.output_buffer = out
                RunContext.of(config).only = database
                command.upgrade(config, f"{','.join(heads) or 'base'}:head", sql=True)
    return out.getvalue()
