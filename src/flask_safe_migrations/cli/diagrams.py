"""`flask db diagram`: a picture of the tables, or of what one revision changes, as Mermaid or SVG."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from flask.cli import with_appcontext

from .. import output, runtime, settings
from ..backends.base import Database
from ..errors import MigrationError, UsageError
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..runtime.heads import unknown_revision

if TYPE_CHECKING:
    from ..contrib.diagram_changes import Tables

INTRODUCTION = """# Tables

Drawn from the models by `flask db diagram`; draw it again when they have changed.
"""
SIGNS = "`+` is added, `−` is removed, `~` is changed."  # noqa: RUF001


@click.command()
@click.option(
    "--to",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file that is written: .md is a page, .mmd Mermaid, .svg a picture. Without it, docs/tables.md.",
)
@click.option("--svg", is_flag=True, help="A picture for every browser, docs/tables.svg without --to.")
@click.option("--revision", metavar="REV", help="What this revision changes, before and after.")
@with_appcontext
def diagram(target: Path | None, *, svg: bool, revision: str | None) -> None:
    """Draw the tables and what refers to what, as a page that GitHub and GitLab show with its picture."""
    if svg:
        refuse_other_than_svg(target)
    databases = binds.databases()
    if revision:
        script = runtime.directory()
        found = _find_revision(script, revision)
        databases = [each for each in databases if binds.touches(found.module, each.bind)] or databases
        title = f"{found.revision} ({found.doc})"
        pictures = [(database, _read_change(database, script, found)) for database in databases]
        introduction = f"# {title}\n\nWhat {Path(found.path).name} changes: {SIGNS}\n"
        name = f"tables-{found.revision}"
    else:
        pictures = [(database, _read_models(database)) for database in databases]
        title, introduction, name = "Tables and what refers to what", INTRODUCTION, "tables"
    target = target or settings.active().project_folder / "docs" / f"{name}.{'svg' if svg else 'md'}"
    if target.suffix in {".svg", ".mmd"}:
        for database, tables in pictures:
            write_file(
                _beside(target, database) if len(pictures) > 1 else target,
                _draw_svg(tables, title) if target.suffix == ".svg" else _draw_mermaid(tables),
            )
    else:
        write_file(target, introduction + "".join(_section(*each) for each in pictures))


def _find_revision(script: ScriptDirectory, name: str) -> Script:
    heads = sorted(script.get_heads())
    if name in {"head", "heads"} and len(heads) > 1:
        raise MigrationError(
            f"There are {len(heads)} newest revisions: name one with --revision, {' or '.join(heads)}."
        )
    try:
        found = script.get_revision(name)
    except CommandError as error:
        raise MigrationError(unknown_revision(name, None, script)) from error
    if found is None:
        raise UsageError("--revision names a revision, or head: base changes nothing.")
    return found


def _read_models(database: Database) -> "Tables":
    from ..contrib.diagram_tables import read_tables

    return read_tables(binds.metadata(database.bind), database.url.get_dialect()())


def _read_change(database: Database, script: ScriptDirectory, revision: Script) -> "Tables":
    from ..contrib.revision_diagram import read_change

    with one_sentence(database):
        return read_change(database, script, revision)


def _section(database: Database, tables: "Tables") -> str:
    heading = f"\n## {binds.label(database)}\n" if binds.prefix(database) else ""
    return f"{heading}\n```mermaid\n{_draw_mermaid(tables)}```\n"


def _draw_mermaid(tables: "Tables") -> str:
    from ..contrib.mermaid import draw_mermaid

    return draw_mermaid(*tables) + "\n"


def _draw_svg(tables: "Tables", title: str) -> str:
    from ..contrib.svg_diagram import draw

    return draw(*tables, title=title)


def _beside(target: Path, database: Database) -> Path:
    """Return the file for another database than the default one: such a format holds one picture."""
    return target.with_stem(f"{target.stem}-{database.bind}") if database.bind else target


def refuse_other_than_svg(target: Path | None) -> None:
    """Raise UsageError if --to names a file that --svg does not write."""
    if target and target.suffix != ".svg":
        raise UsageError(f"--svg writes a picture, and {target} is none: name a file that ends in .svg.")


def write_file(target: Path, content: str) -> None:
    """Write a file and say so; raise MigrationError where that is not possible."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    except OSError as error:
        raise MigrationError(
            f"{target} cannot be written ({error.strerror}): name another with --to."
        ) from error
    output.line(f"Written: {target}")
