"""`flask db squash`: fold the history into a new baseline."""

import click
from flask.cli import with_appcontext

from .. import api


@click.command()
@click.option("--upto", metavar="REV", help="The last revision to be folded; without it the newest.")
@click.option("--yes", is_flag=True, help="Do not ask about revisions that change rows.")
@click.option("--undo", is_flag=True, help="Put the folded files back, also after an interrupted squash.")
@with_appcontext
def squash(*, upto: str | None, yes: bool, undo: bool) -> None:
    """Fold the revisions into one new baseline, and prove that it leaves the same schema and rows.

    Databases at the last of them or later need no change.
    """
    if undo:
        api.undo_squash()
    else:
        api.squash(upto, yes=yes)
