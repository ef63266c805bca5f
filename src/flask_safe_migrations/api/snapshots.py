"""Snapshots, and the development database from scratch."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from alembic import command

from .. import backends, output, settings
from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError
from ..runtime import binds, marker, snapshots
from ..runtime.checks import refuse_outside_development
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from .status import on_bind


def backup(bind: str | None = None) -> list[Path]:
    """Write a snapshot of each database into instance/backups, and return the files."""
    paths = []
    with on_bind(bind):
        for database in binds.databases():
            with one_sentence(database):
                if not database.exists():
                    raise MigrationError(f"{database} does not exist, so there is nothing to save.")
                with database.lock():
                    paths.append(snapshots.take_and_report(database))
    return paths


def restore(
    file: Path | None = None,
    *,
    yes: bool = True,
    destroy: str | None = None,
    from_another_database: bool = False,
    bind: str | None = None,
) -> list[Path]:
    """Replace databases by snapshots, and return the files; a snapshot of what is there is taken first.

    :param file: the snapshot, by its path or its name; without it the newest of each database.
    :param yes: do not ask the reporter.
    :param destroy: the exact name of a database that is to be replaced although it is not a development one.
    :param from_another_database: restore a snapshot of another database, such as a copy of production.
    :raises MigrationError: for a snapshot of another database, and outside development.
    """
    with on_bind(None):
        every = [backends.configured(each) for each in (None, *settings.active().binds)] if file else []
    with on_bind(bind):
        databases = binds.databases()
        if file:
            owner = snapshots.find_owner(databases, file, every, from_another=from_another_database)
            databases = [owner]
        sources = []
        for database in databases:
            with one_sentence(database):
                refuse_outside_development(database, destroy)
            sources.append(snapshots.find(database, file))
            question = f"Replace {database} by {sources[-1].name}?"
            if not (yes or destroy or output.reporter().confirm(question, from_pipe=True)):
                raise MigrationError("Nothing was changed: add --yes where nobody can be asked.")
        for database, source in zip(databases, sources, strict=True):
            _put_back(database, source)
    return sources


def _put_back(database: Database, source: Path) -> None:
    def fill(new: Database) -> None:
        new.load(source)
        marker.settle(new, database)

    with one_sentence(database):
        if database.exists():
            with database.lock():
                snapshots.take_and_report(database)
        database.rebuild(fill)
    output.line(f"{database} is what {source.name} holds.")


def rebuild(
    seed: Callable[[], None] | None = None, *, destroy: str | None = None, bind: str | None = None
) -> None:
    """Build the development database again from scratch through the revisions, beside the old one.

    :param seed: fills the default database with rows; `db.session` is bound to the new one meanwhile.
    :param destroy: the exact name of a database that is to be rebuilt although it is no development database.
    :raises MigrationError: for any other database outside development. Where a revision or `seed` fails, the
        old database stays as it is.
    """
    with on_bind(bind):
        databases = binds.databases()
        for database in databases:
            with one_sentence(database):
                refuse_outside_development(database, destroy)
        for database in reversed(databases):  # the default one last: its seeds may have rows for the others
            with one_sentence(database):
                output.line(f"Rebuilding {binds.told(database)}{database}")
                database.rebuild(partial(_fill, database, seed))


def _fill(database: Database, seed: Callable[[], None] | None, new: Database) -> None:
    """Migrate and seed `new`, which is not yet the one that the application is configured for."""
    config = alembic_config()
    RunContext.of(config).only = new
    try:
        command.upgrade(config, "head")
        if seed and database.bind is None:
            _seed(seed, new)
        marker.settle(new, database)
    except MigrationError as error:  # from the revisions or from the seeds
        raise MigrationError(f"{error.message} The old database, if there was one, is as it was.") from error


def _seed(seed: Callable[[], None], new: Database) -> None:
    db = settings.active().db
    configured = db.engines[None]
    db.engines[None] = new.create_engine()
    try:
        seed()
    finally:
        db.session.remove()
        db.engines[None] = configured
