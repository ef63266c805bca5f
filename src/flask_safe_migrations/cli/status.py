"""`flask db status`: which databases there are, where each stands, what is pending."""

from typing import Any

import click
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext

from .. import runtime
from ..backends.base import Database
from ..runtime import applied, binds
from ..runtime.checks import refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import describe, stored_heads


@click.command()
@with_appcontext
def status() -> None:
    """Show engine, URL, revision and what is pending."""
    script = runtime.directory()
    for number, database in enumerate(binds.databases()):
        if number:
            click.echo()
        with one_sentence(database):
            _tell(database, script)


def _tell(database: Database, script: ScriptDirectory) -> None:
    exists = database.exists()
    version = ""
    heads = stored_heads(database)
    changed = []
    if exists:
        with database.connect() as connection:
            version = database.version(connection)
            changed = applied.changed(connection, script, heads)
    if binds.told(database):
        click.echo(f"Bind      {binds.label(database)}")
    click.echo(f"Engine    {database.title} {version}".rstrip())
    click.echo(f"Database  {database}{'' if exists else '  (does not exist yet)'}")
    click.echo(f"Revision  {describe(script, heads)}")
    refuse_unknown(database, script, heads)
    for sentence in changed:
        click.echo(f"Changed   {sentence}")
    current: Any = tuple(heads)  # it takes several, which its annotation does not say
    pending = [step.revision for step in script._upgrade_revs("heads", current)]
    if not pending:
        click.echo("Pending   nothing")
    for revision in pending:
        click.echo(f"Pending   {revision.revision} ({revision.doc})")
