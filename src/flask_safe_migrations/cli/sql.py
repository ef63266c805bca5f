"""`flask db sql`: print the SQL of the pending revisions."""

import click
from flask.cli import with_appcontext

from .. import api


@click.command()
@with_appcontext
def sql() -> None:
    """Print the SQL that `upgrade` would run; nothing is changed.

    `upgrade --sql` prints it from the very first revision on, whatever the database has.
    """
    click.echo(api.pending_sql(), nl=False)
