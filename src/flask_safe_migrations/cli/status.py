"""`flask db status`: list the databases, their revisions and the pending revisions."""

import click
from flask.cli import with_appcontext

from .. import api, output, settings
from ..errors import MigrationError


@click.command()
@with_appcontext
def status() -> None:
    """Show engine, URL, revision and what is pending."""
    databases = api.status()
    for number, database in enumerate(databases):
        if number:
            output.line()
        if settings.active().binds:
            output.line(f"Bind      {database.name}")
        output.line(f"Engine    {database.engine}")
        output.line(f"Database  {database.url}{'' if database.exists else '  (does not exist yet)'}")
        output.line(f"Revision  {database.revision}")
        if database.problem:
            raise MigrationError(database.problem)
        for sentence in database.changed:
            output.line(f"Changed   {sentence}")
        for pending in database.pending:
            output.line(f"Pending   {pending.revision} ({pending.message})")
        if not database.pending:
            output.line("Pending   nothing")
