"""`flask db backup`: a snapshot with the engine's own tool."""

import click
from flask.cli import with_appcontext

from ..errors import MigrationError
from ..runtime import binds, snapshots
from ..runtime.errors import one_sentence


@click.command()
@with_appcontext
def backup() -> None:
    """Write a snapshot into instance/backups; the newest ten are kept."""
    for database in binds.databases():
        with one_sentence(database):
            if not database.exists():
                raise MigrationError(f"{database} does not exist, so there is nothing to save.")
            with database.lock():
                snapshots.take_and_report(database)
