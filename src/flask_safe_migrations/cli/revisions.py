"""Commands that make, move, fold and check revisions: `new`, `rebase`, `squash`, `verify`."""

from contextlib import nullcontext
from pathlib import Path

import click
from flask.cli import with_appcontext

from .. import api, output, runtime
from ..api.revision import write_revision
from ..errors import UsageError
from ..runtime.checks import refuse_several_heads
from . import github, json_output, pull_request


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


@click.command()
@click.option("--move", metavar="REV", help="Move this one and those after it, whatever git says.")
@click.option("--yes", is_flag=True, help="Development: rows may be lost; a snapshot is taken first.")
@with_appcontext
def rebase(*, move: str | None, yes: bool) -> None:
    """Put the revisions that the main branch has not yet on top of those that it has."""
    api.rebase(move, yes=yes)


@click.command()
@click.option("--upto", metavar="REV", help="The last revision to be folded; without it the newest.")
@click.option("--yes", is_flag=True, help="Do not ask about revisions that change rows.")
@click.option("--undo", is_flag=True, help="Put the folded files back, also after an interrupted squash.")
@with_appcontext
def squash(*, upto: str | None, yes: bool, undo: bool) -> None:
    """Fold the revisions into one new baseline, and prove that it leaves the same schema and rows.

    Databases at the last of them or later need no change.
    """
    if undo:
        api.undo_squash()
    else:
        api.squash(upto, yes=yes)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: `flask db help reports`.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="github: annotations, and a summary of the new revisions.",
)
@click.option("--since", metavar="REF", help="With --summary or github: revisions are new that REF has not.")
@click.option(
    "--summary", type=click.Path(dir_okay=False, path_type=Path), help="Append a summary in Markdown."
)
@click.option(
    "--against",
    metavar="REV",
    help="Say only what would break code that still runs at this revision, or at this commit, tag or branch.",
)
@click.option(
    "--data",
    metavar="[URL]",
    is_flag=False,
    flag_value="",
    help="Say only which rows are in the way of what is pending, in the database or in the one at this URL.",
)
@with_appcontext
@click.pass_context
def verify(
    ctx: click.Context,
    *,
    as_json: bool,
    format_: str,
    since: str | None,
    summary: Path | None,
    against: str | None,
    data: str | None,
) -> None:
    """Check the revisions: one head, proved both ways, like the models, named, no unaccepted warning.

    What was in order before and has not changed is not run again.
    """
    if against is not None and data is not None:
        raise UsageError("--against and --data are two checks: run one after the other.")
    if as_json or format_ == "json":
        with json_output.print_json() as result:
            report = api.verify(against=against, data=data)
            result |= json_output.convert_report(report)
    else:
        with github.annotate_error() if format_ == "github" else nullcontext():
            report = api.verify(against=against, data=data, on_check=lambda check: output.line(str(check)))
        if format_ == "github":
            github.print_annotations(report)
    summary = summary or (github.find_summary() if format_ == "github" else None)
    if summary:
        pull_request.write_summary(report, summary, since)
    ctx.exit(0 if report.ok else 1)
