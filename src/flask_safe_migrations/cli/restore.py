"""`flask db restore`: replace the database by a snapshot."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from .. import api


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--yes-destroy", metavar="NAME", help="Replace NAME although it is no development database.")
@click.option("--from-another-database", is_flag=True, help="FILE is a snapshot of another database.")
@with_appcontext
def restore(file: Path | None, yes: bool, yes_destroy: str | None, from_another_database: bool) -> None:
    """Replace the database by a snapshot: FILE, or the newest one."""
    api.restore(file, yes=yes, destroy=yes_destroy, from_another_database=from_another_database)
