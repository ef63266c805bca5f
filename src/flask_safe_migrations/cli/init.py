"""`flask db init`: create the folder of migrations."""

from importlib.resources import files
from itertools import count
from pathlib import Path

import click
from flask.cli import with_appcontext

from .. import output, settings
from ..errors import MigrationError, UsageError

# The shipped files, by name in migrations/.
SHIPPED = {"env.py": "env.py.txt", "script.py.mako": "script.py.mako"}


@click.command()
@click.option("--replace", is_flag=True, help="Replace env.py and script.py.mako of a folder that exists.")
@click.option("--package", is_flag=True, help="Write empty __init__.py files as well.")
@click.option("--multidb", is_flag=True, hidden=True)
@click.option("-t", "--template", hidden=True)
@with_appcontext
def init(*, replace: bool, package: bool, multidb: bool, template: str | None, directory: str | None) -> None:
    """Create the folder of migrations: env.py, script.py.mako and versions/.

    --replace is for a project that used Flask-Migrate: its revisions stay, its env.py is kept as env.py.old.
    """
    if multidb:
        raise UsageError(
            "--multidb is not needed: one env.py serves all databases of SQLALCHEMY_BINDS; leave it out."
        )
    if template:
        raise UsageError(
            f"-t {template} names an env.py that would run revisions past this library: leave it out, and "
            "change what `flask db init` writes."
        )
    folder = settings.active().directory
    if (folder / "env.py").exists() and not replace:
        raise MigrationError(
            f"{_shown(folder)}/env.py is there already, and nothing was changed: `flask db init --replace` "
            "puts this library's in its place, and keeps yours."
        )
    (folder / "versions").mkdir(parents=True, exist_ok=True)
    for name, source in SHIPPED.items():
        _write(folder / name, read_shipped(source))
    for place in (folder, folder / "versions") if package else ():
        (place / "__init__.py").touch()
    output.line('Next: `flask db status`, or `flask db new -m "…"` for the first revision.')


def read_shipped(name: str) -> str:
    """Return a file from the templates/ of the library."""
    return (files("flask_safe_migrations") / "templates" / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """Write a file. An existing file is renamed and kept."""
    if path.exists():
        if path.read_text(encoding="utf-8") == text:
            return
        kept = next(old for number in count(1) if not (old := _kept(path, number)).exists())
        path.rename(kept)
        output.line(f"Kept {_shown(path)} as {kept.name}")
    path.write_text(text, encoding="utf-8", newline="\n")
    output.line(f"Wrote {_shown(path)}")


def _kept(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.old{number if number > 1 else ''}")


def _shown(path: Path) -> Path:
    return settings.active().relative(path)
