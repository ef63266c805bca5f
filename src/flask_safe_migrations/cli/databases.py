"""Commands that replace, save or take over a database: `adopt`, `backup`, `rebuild`, `restore`, `resume`."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext

from .. import api
from ..errors import MigrationError


@click.command()
@click.option("--yes", is_flag=True, help="Name constraints that have no name, without asking.")
@click.option("--at", metavar="REVISION", help="It is not at the newest revision, but at this one.")
@click.option(
    "--ignore", multiple=True, metavar="TABLE", help="A table that no model has, and that may stay."
)
@click.option("--models", is_flag=True, help="Write the models, and a baseline, from the database first.")
@with_appcontext
def adopt(yes: bool, at: str | None, ignore: tuple[str, ...], models: bool) -> None:
    """Take over a database that has tables but no revision: compare it with the models, then stamp it."""
    api.adopt(at=at, ignore=ignore, models=models, yes=yes)


@click.command()
@with_appcontext
def backup() -> None:
    """Write a snapshot into instance/backups; the newest ten are kept."""
    api.backup()


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


@click.command()
@click.option("--abandon", is_flag=True, help="Give it up: what has run of it stays.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def resume(*, abandon: bool, yes: bool) -> None:
    """Go on with the revision that stopped half-way on MariaDB or MySQL, as `upgrade` does, or give it up."""
    if abandon:
        api.abandon_half_applied(yes=yes)
    else:
        api.upgrade()


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--yes-destroy", metavar="NAME", help="Replace NAME although it is no development database.")
@click.option("--from-another-database", is_flag=True, help="FILE is a snapshot of another database.")
@with_appcontext
def restore(file: Path | None, yes: bool, yes_destroy: str | None, from_another_database: bool) -> None:
    """Replace the database by a snapshot: FILE, or the newest one."""
    api.restore(file, yes=yes, destroy=yes_destroy, from_another_database=from_another_database)
