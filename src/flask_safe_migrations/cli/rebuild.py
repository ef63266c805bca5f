"""`flask db rebuild`: the development database, made anew through the migrations."""

from functools import partial

import click
from alembic import command
from flask import current_app
from flask.cli import with_appcontext

from .. import output, settings
from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError
from ..runtime import binds, marker
from ..runtime.checks import refuse_outside_development
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config


@click.command()
@click.option("--yes-destroy", metavar="NAME", help="Rebuild NAME although it is no development database.")
@with_appcontext
@click.pass_context
def rebuild(ctx: click.Context, yes_destroy: str | None) -> None:
    """Delete the development database, build it through the migrations, seed it."""
    databases = binds.databases()
    for database in databases:
        with one_sentence(database):
            refuse_outside_development(database, yes_destroy)
    for database in reversed(databases):  # the default one last: its seeds may have rows for the others
        with one_sentence(database):
            output.line(f"Rebuilding {binds.told(database)}{database}")
            database.rebuild(partial(_fill, ctx, database))


def _fill(ctx: click.Context, database: Database, new: Database) -> None:
    """Migrate and seed `new`, which is not yet the one that the application is configured for."""
    config = alembic_config()
    RunContext.of(config).only = new
    try:
        command.upgrade(config, "head")
        if database.bind is None:
            _seed(ctx, new)
        marker.settle(new, database)
    except (MigrationError, click.ClickException) as error:  # from the migrations or from the seeds
        raise MigrationError(f"{error.message} The old database, if there was one, is as it was.") from error


def _seed(ctx: click.Context, new: Database) -> None:
    if seed := current_app.cli.get_command(ctx, "seed"):
        db = settings.active().db
        configured = db.engines[None]
        db.engines[None] = new.create_engine()
        try:
            ctx.invoke(seed)
        finally:
            db.session.remove()
            db.engines[None] = configured
