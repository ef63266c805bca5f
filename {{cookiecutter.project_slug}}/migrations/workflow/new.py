"""`flask db new -m "…"`: turn what changed in the models into a revision."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from alembic import command
from flask.cli import with_appcontext

from ..engines.errors import MigrationError, UsageError
from . import history
from .heads import alembic_config


@click.command()
@click.option("-m", "--message", help="What changes, in a few words; it also names the file.")
@with_appcontext
def new(message: str | None) -> None:
    """Turn what changed in the models into a revision."""
    if not message or not message.strip():
        raise UsageError('Say in a few words what changes: make newmigration m="add users.phone".')
    _refuse_two_heads()
    config = alembic_config("autogenerate", "quiet")
    written: Any = command.revision(config, message.strip(), autogenerate=True)
    if not written:
        click.echo("Nothing to migrate: the revisions and the models agree. No file was written.")
        return
    path = Path(written.path)
    _format(path)
    click.echo(f"Wrote migrations/versions/{path.name}\nRead it, then apply it with `make migrate`.")


def _refuse_two_heads() -> None:
    script = history.directory()
    heads = [Path(script.get_revision(head).path).name for head in script.get_heads()]
    if len(heads) > 1:
        raise MigrationError(
            f"There are {len(heads)} newest revisions, {' and '.join(sorted(heads))}: "
            'join them with `flask db merge heads -m "…"`, then make the new one.'
        )


def _format(path: Path) -> None:
    """Format the file with ruff where it is installed; it is a development dependency."""
    if importlib.util.find_spec("ruff"):
        for arguments in (["check", "--fix-only", "--select", "I"], ["format"]):
            subprocess.run([sys.executable, "-m", "ruff", *arguments, "--quiet", path], check=False)  # noqa: S603
