"""`flask db rebuild`: rebuild the development database from scratch with the revisions."""

import click
from flask import current_app
from flask.cli import with_appcontext

from .. import api
from ..errors import MigrationError


@click.command()
@click.option("--yes-destroy", metavar="NAME", help="Rebuild NAME although it is no development database.")
@with_appcontext
@click.pass_context
def rebuild(ctx: click.Context, yes_destroy: str | None) -> None:
    """Delete the development database, build it through the migrations, seed it."""

    def seed() -> None:
        if command := current_app.cli.get_command(ctx, "seed"):
            try:
                ctx.invoke(command)
            except click.ClickException as error:  # raised by the application
                raise MigrationError(error.message) from error

    api.rebuild(seed, destroy=yes_destroy)
