"""`flask db verify`: everything that can be known about the revisions before they reach production."""

import json
from dataclasses import asdict

import click
from flask.cli import with_appcontext

from .. import output
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..verification.running_code import against as look
from ..verification.suite import Verification


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
    databases = binds.databases()
    with one_sentence(databases[0]):
        checks = look(databases, against) if against else Verification(databases).run()
    fine = all(check.ok is not False for check in checks)
    if as_json:
        told = [asdict(check) for check in checks]
        output.line(json.dumps({"ok": fine, "engine": databases[0].title, "checks": told}, indent=2))
    else:
        for check in checks:
            output.line(str(check))
    ctx.exit(0 if fine else 1)
