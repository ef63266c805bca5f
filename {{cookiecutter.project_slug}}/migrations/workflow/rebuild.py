"""`flask db rebuild`: the development database, made anew through the migrations."""

from functools import partial

import click
from alembic import command
from flask import current_app
from flask.cli import with_appcontext

from .. import engines
from ..engines.base import Database
from ..engines.errors import MigrationError
from .checks import refuse_outside_development
from .errors import one_sentence
from .heads import alembic_config


@click.command()
@click.option("--yes-destroy", metavar="NAME", help="Rebuild NAME although it is no development database.")
@with_appcontext
@click.pass_context
def rebuild(ctx: click.Context, yes_destroy: str | None) -> None:
    """Delete the development database, build it through the migrations, seed it."""
    database = engines.configured()
    refuse_outside_development(database, yes_destroy)
    click.echo(f"Rebuilding {database}")
    try:
        with one_sentence(database):
            database.rebuild(partial(_fill, ctx))
    except click.ClickException as error:  # from the migrations or from the seeds
        raise MigrationError(f"{error.message} The old database, if there was one, is as it was.") from error


def _fill(ctx: click.Context, database: Database, *, quiet: bool = False) -> None:
    """Migrate and seed `database`, which is not yet the one that the application is configured for."""
    config = alembic_config()
    config.attributes["database"] = database
    if quiet:
        config.attributes["quiet"] = True
    command.upgrade(config, "head")
    if seed := current_app.cli.get_command(ctx, "seed"):
        db = current_app.extensions["migrate"].db
        configured = db.engines[None]
        db.engines[None] = database.pool()
        try:
            ctx.invoke(seed)
        finally:
            db.session.remove()
            db.engines[None] = configured
