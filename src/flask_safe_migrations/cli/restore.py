"""`flask db restore`: put a snapshot back in the place of the database."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from .. import output
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds, marker, snapshots
from ..runtime.checks import refuse_outside_development
from ..runtime.errors import one_sentence


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--yes-destroy", metavar="NAME", help="Replace NAME although it is no development database.")
@with_appcontext
def restore(file: Path | None, yes: bool, yes_destroy: str | None) -> None:
    """Replace the database by a snapshot: FILE, or the newest one."""
    databases = binds.databases()
    if file:
        databases = [_owner(databases, file)]
    sources = []
    for database in databases:
        with one_sentence(database):
            refuse_outside_development(database, yes_destroy)
        sources.append(_snapshot(database, file))
        if not (yes or yes_destroy):
            click.confirm(f"Replace {database} by {sources[-1].name}?", abort=True)
    for database, source in zip(databases, sources, strict=True):
        _put_back(database, source)


def _owner(databases: list[Database], file: Path) -> Database:
    """Return the database whose name the snapshot has, or the default one."""
    named = [each for each in databases if file.name.endswith(f"_{each.short_name}.{each.suffix}")]
    return (named or databases)[0]


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


def _snapshot(database: Database, file: Path | None) -> Path:
    found = snapshots.of(database)
    if file is None and not found:
        raise MigrationError(f"There is no snapshot of {database.short_name}: `flask db backup` takes one.")
    source = file or found[-1]
    for candidate in (source, snapshots.folder() / source.name):
        if candidate.is_file():
            return candidate.resolve()
    names = ", ".join(path.name for path in found) or "none"
    raise MigrationError(f"There is no file {source}; the snapshots of {database.short_name} are: {names}.")
