"""`flask db status`: which databases there are, where each stands, what is pending."""

from typing import Any

import click
from alembic.script import ScriptDirectory
from flask.cli import with_appcontext

from .. import output, runtime
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
            output.line()
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
        output.line(f"Bind      {binds.label(database)}")
    output.line(f"Engine    {database.title} {version}".rstrip())
    output.line(f"Database  {database}{'' if exists else '  (does not exist yet)'}")
    output.line(f"Revision  {describe(script, heads)}")
    refuse_unknown(database, script, heads)
    for sentence in changed:
        output.line(f"Changed   {sentence}")
    current: Any = tuple(heads)  # it takes several, which its annotation does not say
    pending = [step.revision for step in script._upgrade_revs("heads", current)]
    if not pending:
        output.line("Pending   nothing")
    for revision in pending:
        output.line(f"Pending   {revision.revision} ({revision.doc})")
