"""Commands that show a database and change nothing: `browse`, `sql`, `status`."""

import click
from flask.cli import with_appcontext

from .. import api, output, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from ..runtime.checks import outside_development
from ..runtime.errors import one_sentence
from . import json_output
from .terminal import print_sql


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: `flask db help reports`.")
@with_appcontext
@click.pass_context
def status(ctx: click.Context, *, as_json: bool) -> None:
    """Show engine, URL, revision and what is pending."""
    if as_json:
        with json_output.print_json() as result:
            result |= json_output.convert_status(api.status())
        ctx.exit(0 if result["ok"] else 1)
    problems = []
    for number, database in enumerate(api.status()):
        if number:
            output.line()
        if settings.active().binds:
            output.line(f"Bind      {database.name}")
        output.line(f"Engine    {database.engine}")
        output.line(f"Database  {database.url}{'  (does not exist yet)' if database.exists is False else ''}")
        output.line(f"Revision  {database.revision}")
        if database.lock:
            output.line(
                f"Lock      held by {database.lock}{', which has ended' if database.lock.ended else ''}"
            )
        if database.running:
            output.line(f"Running   {database.running}")
        if database.problem:
            problems.append(database.problem)
            continue
        if len(database.newest) > 1:
            output.line(
                f"Heads     {' and '.join(database.newest)}: `flask db rebase` puts yours on top of theirs, "
                '`flask db merge heads -m "…"` joins them'
            )
        for sentence in database.changed:
            output.line(f"Changed   {sentence}")
        for pending in database.pending:
            output.line(f"Pending   {pending.revision} ({pending.message})")
        if not database.pending:
            output.line("Pending   nothing")
    if problems:
        for problem in problems[:-1]:
            output.notice(f"Error: {problem}")
        raise MigrationError(problems[-1])


@click.command()
@with_appcontext
def sql() -> None:
    """Print the SQL that `upgrade` would run; nothing is changed.

    `upgrade --sql` prints it from the very first revision on, whatever the database has.
    """
    print_sql(api.pending_sql())


@click.command()
@click.option("--port", default=18080, show_default=True, help="The port on 127.0.0.1.")
@click.option("--write", is_flag=True, help="Rows can be changed as well; without it, the database refuses.")
@with_appcontext
def browse(port: int, write: bool) -> None:
    """Show tables, schema and rows of the development database on http://127.0.0.1:18080."""
    from ..contrib.browse import serving

    databases = binds.databases()
    for database in databases:
        with one_sentence(database):
            _refuse_to_open(database)
    with serving.listen(port) as listener:
        serving.serve(listener, databases, write=write)


def _refuse_to_open(database: Database) -> None:
    if not database.exists():
        raise MigrationError(f"{database} does not exist yet: `flask db rebuild` makes it.")
    if reason := outside_development(database):
        raise MigrationError(f"This database is not opened: {reason}.")
