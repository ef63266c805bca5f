"""`flask db backup`: take a snapshot with the engine's own tool."""

import click
from flask.cli import with_appcontext

from .. import api


@click.command()
@with_appcontext
def backup() -> None:
    """Write a snapshot into instance/backups; the newest ten are kept."""
    api.backup()
