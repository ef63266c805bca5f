"""`flask db new -m "…"`: create a revision from the changes in the models."""

import click
from flask.cli import with_appcontext

from .. import api, runtime
from ..api.revision import write_revision
from ..errors import UsageError
from ..runtime.checks import refuse_several_heads


@click.command()
@click.option("-m", "--message", help="What changes, in a few words; it also names the file.")
@click.option("--rename", multiple=True, metavar="TABLE.COLUMN:NEW", help="This column was renamed.")
@click.option("--rename-table", multiple=True, metavar="TABLE:NEW", help="This table was renamed.")
@click.option("--drop", multiple=True, metavar="TABLE[.COLUMN]", help="This one may go, with its values.")
@click.option(
    "--default", multiple=True, metavar="TABLE.COLUMN=VALUE", help="For rows that are there already."
)
@click.option("--data", metavar="TABLE.COLUMN", help="Make one that changes rows, in batches; 1: name none.")
@click.option("--prove", is_flag=True, help="Make nothing; prove the newest revision once more.")
@with_appcontext
def new(message: str | None, *, data: str | None, prove: bool, **answers: tuple[str, ...]) -> None:
    """Turn what changed in the models into a revision, and prove it."""
    if prove:
        api.prove_newest()
        return
    script = runtime.directory()
    refuse_several_heads(script, "make the new one")
    if not message or not message.strip():
        raise UsageError('Say in a few words what changes: `flask db new -m "add users.phone"`.')
    if data:
        api.new_data_revision(message, data)
        return
    # Pass them unparsed: `answers` checks their format and names the option in its error message.
    given = [f"{name.replace('_', '-')}={value}" for name, values in answers.items() for value in values]
    write_revision(script, message.strip(), given)
