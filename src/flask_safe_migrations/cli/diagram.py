"""`flask db diagram`: draw a diagram of the tables for the documentation."""

from pathlib import Path

import click
from flask.cli import with_appcontext

from .. import output, settings
from ..backends.base import Database
from ..contrib.mermaid import render_diagram
from ..errors import MigrationError
from ..runtime import binds

INTRODUCTION = """# Tables

Drawn from the models by `flask db diagram`; draw it again when they have changed.
"""


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that is written, docs/tables.md without it.",
)
@with_appcontext
def diagram(target: Path | None) -> None:
    """Draw the tables and what refers to what, as a page that GitHub and GitLab show with its picture."""
    target = target or settings.active().project_folder / "docs" / "tables.md"
    page = INTRODUCTION + "".join(map(_section, binds.databases()))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise MigrationError(
            f"{target} cannot be written ({error.strerror}): name another with --to."
        ) from error
    output.line(f"Written: {target}")


def _section(database: Database) -> str:
    heading = f"\n## {binds.label(database)}\n" if binds.prefix(database) else ""
    return f"{heading}\n```mermaid\n{render_diagram(binds.metadata(database.bind), database.url)}\n```\n"
