"""`flask db verify`: verify the revisions before they reach production."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from .. import api, output


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For machines.")
@click.option(
    "--against",
    metavar="REV",
    help="Say only what would break code that still runs at this revision, or at this commit, tag or branch.",
)
@with_appcontext
@click.pass_context
def verify(ctx: click.Context, *, as_json: bool, against: str | None) -> None:
    """Check the revisions: one head, proved both ways, like the models, named, no unaccepted warning.

    What was in order before and has not changed is not run again.
    """
    report = api.verify(against=against)
    if as_json:
        checks = [asdict(check) for check in report.checks]
        output.line(json.dumps({"ok": report.ok, "engine": report.engine, "checks": checks}, indent=2))
    else:
        for check in report.checks:
            output.line(str(check))
    ctx.exit(0 if report.ok else 1)
