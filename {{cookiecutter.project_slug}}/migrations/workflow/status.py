"""`flask db status`: which database this is, where it stands, what is pending."""

import click
from flask.cli import with_appcontext

from .. import engines, history
from ..history import applied
from ..history.checks import refuse_unknown
from ..history.errors import one_sentence
from ..history.heads import describe, stored_heads


@click.command()
@with_appcontext
def status() -> None:
    """Show engine, URL, revision and what is pending."""
    database, script = engines.configured(), history.directory()
    with one_sentence(database):
        exists = database.exists()
        version = ""
        if exists:
            with database.connect() as connection:
                version = database.version(connection)
        heads = stored_heads(database)
        changed = []
        if exists:
            with database.connect() as connection:
                changed = applied.changed(connection, script, heads)
    click.echo(f"Engine    {database.title} {version}".rstrip())
    click.echo(f"Database  {database}{'' if exists else '  (does not exist yet)'}")
    click.echo(f"Revision  {describe(script, heads)}")
    refuse_unknown(database, script, heads)
    for sentence in changed:
        click.echo(f"Changed   {sentence}")
    pending = [step.revision for step in script._upgrade_revs("heads", tuple(heads))]
    if not pending:
        click.echo("Pending   nothing")
    for revision in pending:
        click.echo(f"Pending   {revision.revision} ({revision.doc})")
