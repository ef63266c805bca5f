"""Take and restore snapshots, and rebuild the development database."""

import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from alembic import command
from sqlalchemy.exc import DBAPIError

from .. import backends, output, settings
from ..backends.base import Database
from ..context import RunContext, on_bind
from ..errors import MigrationError, first_line
from ..runtime import binds, snapshots
from ..runtime.checks import refuse_outside_development, transfer_mark
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from ..runtime.owner import refuse_other_application, refuse_shared


def backup(bind: str | None = None) -> list[Path]:
    """Write a snapshot of each database into instance/backups, and return the files.

    :param bind: the database. The default is all databases.
    :raises MigrationError: if a database does not exist.
    """
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
    """Replace databases by snapshots, and return the files. The current content is saved as a snapshot first.

    Example::

        path, = api.backup("default")
        api.restore(path)

    :param file: the path or name of a snapshot. The default is the newest snapshot of each database.
    :param yes: do not ask for confirmation.
    :param destroy: the exact name of a database to replace outside development.
    :param from_another_database: permit the snapshot of another database, such as a copy of production.
    :param bind: the database. The default is all databases, or the one that `file` belongs to.
    :raises MigrationError: if the snapshot belongs to another database, or the application does not run in
        development.
    """
    with on_bind(bind):
        databases = binds.databases()
        if file:
            known = [backends.configured(each) for each in (None, *settings.active().binds)]
            databases = [snapshots.find_owner(databases, file, known, from_another=from_another_database)]
        sources = []
        for database in databases:
            with one_sentence(database):
                refuse_outside_development(database, destroy)
                if database.exists():
                    with database.connect() as connection:
                        refuse_other_application(connection, database)
            sources.append(snapshots.find(database, file))
            question = f"Replace {database} by {sources[-1].name}?"
            if not (yes or destroy or output.reporter().confirm(question, from_pipe=True)):
                given = f" {output.quote(str(file))}" if file else ""
                raise MigrationError(f"Nothing was changed: `flask db restore --yes{given}` does not ask.")
        for database, source in zip(databases, sources, strict=True):
            _replace(database, source)
    return sources


def _replace(database: Database, source: Path) -> None:
    def fill(new: Database) -> None:
        new.load(source)
        transfer_mark(new, database)

    with one_sentence(database):
        if database.exists():
            with database.lock():
                snapshots.take_and_report(database)
        database.rebuild(fill)
    output.line(f"{database} is what {source.name} holds.")


def rebuild(
    seed: Callable[[], None] | None = None, *, destroy: str | None = None, bind: str | None = None
) -> None:
    """Rebuild the development database from scratch with the revisions, next to the old one.

    Example::

        api.rebuild(seed=add_sample_users)

    :param seed: a function that adds rows to the default database. Meanwhile `db.session` uses the new one.
    :param destroy: the exact name of a database to rebuild although it is not a development database.
    :param bind: the database. The default is all databases.
    :raises MigrationError: if it is not a development database, or if a revision or `seed` fails. The old
        database is then kept unchanged.
    """
    with on_bind(bind):
        databases = binds.databases()
        for database in databases:
            with one_sentence(database):
                refuse_outside_development(database, destroy)
                refuse_shared(database)
        for database in reversed(databases):  # the default database last: its seed may add rows to the others
            with one_sentence(database):
                output.line(f"Rebuilding {binds.prefix(database)}{database}")
                database.rebuild(partial(_fill, database, seed))


def _fill(database: Database, seed: Callable[[], None] | None, new: Database) -> None:
    """Migrate and seed `new`, which is not yet the database that the application uses."""
    config = alembic_config()
    RunContext.of(config).only = new
    try:
        command.upgrade(config, "head")
        if seed and database.bind is None:
            _seed(seed, new)
        transfer_mark(new, database)
    except MigrationError as error:  # from a revision or from the seed
        raise MigrationError(f"{error.message} The old database, if there was one, is as it was.") from error


def _seed(seed: Callable[[], None], new: Database) -> None:
    db = settings.active().db
    configured = db.engines[None]
    db.engines[None] = new.create_engine()
    try:
        seed()
    except (MigrationError, DBAPIError):
        raise
    except (Exception, SystemExit) as error:
        raise MigrationError(
            f"The seed failed{_locate(error)}: {type(error).__name__}: {first_line(error)}; "
            "the database was not rebuilt."
        ) from error
    finally:
        db.session.remove()
        db.engines[None] = configured


def _locate(error: BaseException) -> str:
    """Return the last place in the application's own code."""
    package = settings.active().package_folder
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(package)
    ]
    return f" at {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
