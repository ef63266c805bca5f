"""`flask db sql`: the SQL of what is pending."""

import click
from alembic import command
from flask.cli import with_appcontext

from .. import output, runtime
from ..context import RunContext
from ..runtime import binds
from ..runtime.checks import refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, stored_heads


@click.command()
@with_appcontext
def sql() -> None:
    """Print the SQL that `upgrade` would run; nothing is changed.

    `upgrade --sql` prints it from the very first revision on, whatever the database has.
    """
    script = runtime.directory()
    for database in binds.databases():
        with one_sentence(database):
            heads = stored_heads(database)
            if heads == set(script.get_heads()):
                output.line(f"-- Nothing is pending: {database} has all revisions.")
                continue
            refuse_unknown(database, script, heads)
            config = alembic_config()
            RunContext.of(config).only = database
            command.upgrade(config, f"{','.join(heads) or 'base'}:head", sql=True)
