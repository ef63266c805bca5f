"""`flask db new -m "…"`: turn what changed in the models into a revision."""

import importlib.util
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
from alembic import command
from alembic.script import Script, ScriptDirectory
from flask.cli import with_appcontext

from .. import output, runtime, settings
from ..backends.base import Database
from ..context import RunContext
from ..errors import UsageError
from ..revisions import manifest
from ..runtime import binds
from ..runtime.checks import refuse_several_heads
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from .data_revision import backfill
from .revision_report import prove_and_report


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
    script = runtime.directory()
    refuse_several_heads(script, "make the new one")
    if prove:
        head = script.get_current_head()
        if head is None:
            raise UsageError('There is no revision to prove yet: `flask db new -m "…"` writes the first.')
        newest = script.get_revision(head)
        if newest.is_merge_point:
            output.line(f"{Path(newest.path).name} joins two branches: `flask db verify` runs it.")
        else:
            _prove(newest, script, {})
        manifest.write(script)
        return
    if not message or not message.strip():
        raise UsageError('Say in a few words what changes: `flask db new -m "add users.phone"`.')
    if data:
        _new_for_data(message.strip(), data)
        return
    x = [f"{name.replace('_', '-')}={value}" for name, values in answers.items() for value in values]
    config = alembic_config("autogenerate", "quiet", x=x)
    with ExitStack() as stack:
        shadows: dict[str | None, Database] = {}
        for database in binds.databases():
            with one_sentence(database):
                shadows[database.bind] = stack.enter_context(runtime.shadow(database, script))
        RunContext.of(config).shadows = shadows
        written: Any = command.revision(config, message.strip(), autogenerate=True)
        if not written:
            output.line("Nothing to migrate: the revisions and the models agree. No file was written.")
            return
        path = Path(written.path)
        _format(path)
        output.line(f"Wrote {settings.active().relative(path)}")
        script = runtime.directory()
        manifest.add(script)
        _prove(script.get_revision(written.revision), script, shadows)
    output.line("Read it, then apply it with `flask db upgrade`.")


def _prove(revision: Script, script: ScriptDirectory, shadows: dict[str | None, Database]) -> None:
    """For each database that it touches; those that have just been compared are in `shadows`."""
    for database in binds.databases():
        if not binds.touches(revision.module, database.bind):
            continue
        if told := binds.told(database):
            output.line(told.rstrip())
        with ExitStack() as stack, one_sentence(database):
            if not (shadow := shadows.get(database.bind)):
                shadow = stack.enter_context(database.shadow())
                runtime.build(shadow, script, _parent(revision))
            prove_and_report(shadow, script, revision, compared=bool(shadows))


def _new_for_data(message: str, data: str) -> None:
    config = alembic_config("quiet")
    RunContext.of(config).data = backfill(data)
    written: Any = command.revision(config, message)
    path = Path(written.path)
    _format(path)
    manifest.add(runtime.directory())
    output.line(
        f"Wrote {settings.active().relative(path)}\n"
        "Say in it what the rows get (VALUES) and which ones (TODO), then prove it: `flask db new --prove`"
    )


def _parent(revision: Script) -> str:
    return str(revision.down_revision or "base")


def _format(path: Path) -> None:
    """Format the file with ruff where it is installed; it is a development dependency."""
    if importlib.util.find_spec("ruff"):
        for arguments in (["check", "--fix-only", "--select", "I"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *arguments, "--quiet", path], check=False)  # noqa: S603
