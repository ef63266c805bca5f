"""`flask db rebase`: move my revisions after those of another branch, if both have added some."""

import click
from flask.cli import with_appcontext

from .. import api


@click.command()
@click.option("--move", metavar="REV", help="Move this one and those after it, whatever git says.")
@with_appcontext
def rebase(move: str | None) -> None:
    """Put the revisions that the main branch has not yet on top of those that it has."""
    api.rebase(move)
