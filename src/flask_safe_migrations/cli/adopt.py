"""`flask db adopt`: adopt an existing database after verifying that it matches."""

import click
from flask.cli import with_appcontext

from .. import api


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
