"""`flask db adopt --into ../other`: another project gets this workflow, and goes on from where it stands."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click

from .. import engines
from ..adoption import elsewhere
from ..engines.errors import MigrationError

ASIDE = "before-adoption"
HERE = engines.ROOT / "migrations"
TAIL = """else:  # plain `alembic`
    import os

    from flask.cli import ScriptInfo, load_dotenv

    load_dotenv()
    try:
        with ScriptInfo(os.environ.get("FLASK_APP") or {app!r}).load_app().app_context():
            run()
    except ClickException as error:
        raise CommandError(error.message) from error
"""
IMPORT = "from migrations.workflow import take_over"
ALEMBIC = re.compile(r"^\[tool\.alembic\]\n(?:.+\n)*", re.MULTILINE)
DEPENDENCIES = re.compile(r'"((?:alembic|flask|flask-migrate|flask-sqlalchemy|sqlalchemy)>=[^"]+)"')
TARGET = re.compile(r"^(\w+): \$\(READY\) (## .*)\n\t@(\$\(FLASK\) db .*)\n", re.MULTILINE)
WRITE_HEAD = (
    "from alembic.script import ScriptDirectory\nfrom migrations.history import chain\n"
    "chain.write(ScriptDirectory('migrations'))"
)


def take_in(project: Path, app: str | None) -> None:
    """Put the workflow into a project; all of it can be seen, and taken back, with git."""
    elsewhere.refuse_unfit(project)
    places = elsewhere.registrations(project)
    if others := {str(place.directory) for place in places} - {"None", "migrations"}:
        raise MigrationError(
            f"{project} keeps its revisions in {others.pop()}: move that to migrations/ (and leave "
            "`directory=` out) first."
        )
    left: list[str] = []
    _replace_files(project, app or _flask_app(project), left)
    _configure(project, left)
    _register(project, places, left)
    _write_head(project, left)
    _targets(project, left)
    dependencies = DEPENDENCIES.findall((engines.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    left.insert(0, f"It needs {', '.join(dependencies)}: see that its requirements say so.")
    if not elsewhere.ignored(project, "instance/x"):
        left.append("instance/ gets snapshots and throwaway databases: put it into .gitignore.")
    left.append("Look at `git diff`; then `flask db status`, `flask db verify`, and commit.")
    click.echo(f"{project} has the workflow. What is left to do there:")
    for number, line in enumerate(left, 1):
        click.echo(f"  {number}. {line}")


def _replace_files(project: Path, app: str | None, left: list[str]) -> None:
    there = project / "migrations"
    env = (there / "env.py").read_text(encoding="utf-8")
    for name in ("env.py", "alembic.ini", "script.py.mako"):
        if (there / name).exists():
            (there / name).rename(there / f"{name}.{ASIDE}")
    ignoring = shutil.ignore_patterns("versions", "__pycache__", "HEAD")
    shutil.copytree(HERE, there, ignore=ignoring, dirs_exist_ok=True)
    own = (HERE / "env.py").read_text(encoding="utf-8")
    (there / "env.py").write_text(
        own.partition("else:  # plain `alembic`")[0] + TAIL.format(app=app), encoding="utf-8"
    )
    if not elsewhere.is_stock(env):
        left.append(
            f"migrations/env.py was not what this release of Flask-Migrate writes: what of env.py.{ASIDE} is "
            "your own (include_object, say) has to be put into the new one."
        )


def _flask_app(project: Path) -> str | None:
    """Return what .flaskenv says; without it Flask looks for app.py and wsgi.py."""
    file = project / ".flaskenv"
    found = (
        re.search(r"^\s*FLASK_APP\s*=\s*(\S+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        if file.exists()
        else None
    )
    return found[1].strip("'\"") if found else None


def _configure(project: Path, left: list[str]) -> None:
    file = project / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    table = ALEMBIC.search((engines.ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    if "[tool.alembic]" in text or table is None:
        left.append(
            "pyproject.toml has a [tool.alembic] of its own: see that its script_location is migrations."
        )
        return
    file.write_text(f"{text.rstrip()}\n\n{table[0]}".lstrip(), encoding="utf-8")


def _register(project: Path, places: list[elsewhere.Registration], left: list[str]) -> None:
    app = places[0].app if len(places) == 1 else "app"
    lines = [f"{IMPORT}  # `flask db`, from migrations/", f"take_over({app})"]
    if len(places) != 1:
        found = " and ".join(f"{place.path.relative_to(project)}:{place.last_line}" for place in places)
        what = f"more than one place ({found})" if places else "no place"
        left.append(
            f"Flask-Migrate is registered in {what}: behind migrate.init_app(app, db) add "
            f"`{IMPORT}` and `{lines[1]}`."
        )
        return
    place = places[0]
    text = place.path.read_text(encoding="utf-8").splitlines(keepends=True)
    new = ["\n" if not text[place.last_line - 1].endswith("\n") else ""]
    new += [f"{' ' * place.indentation}{line}\n" for line in lines]
    text[place.last_line : place.last_line] = new
    place.path.write_text("".join(text), encoding="utf-8")


def _write_head(project: Path, left: list[str]) -> None:
    command = [sys.executable, "-c", WRITE_HEAD]
    if subprocess.run(command, cwd=project, capture_output=True, check=False).returncode:  # noqa: S603
        left.append("migrations/HEAD lists the revisions: `flask db new --prove` writes it.")


def _targets(project: Path, left: list[str]) -> None:
    """What `make` does here, for the sentences that speak of it."""
    found = TARGET.findall((engines.ROOT / "Makefile").read_text(encoding="utf-8"))
    text = '# Of the workflow in this folder; FLASK may be another way to it: FLASK="poetry run flask"\n'
    text += f"FLASK ?= flask\n\n.PHONY: {' '.join(name for name, _, _ in found)}\n"
    text += "".join(f"\n{name}: {told}\n\t@{recipe}\n" for name, told, recipe in found)
    (project / "migrations" / "targets.mk").write_text(text, encoding="utf-8")
    if (project / "Makefile").exists():
        left.append("`make migrate` and the like: put `include migrations/targets.mk` into the Makefile.")
    else:
        (project / "Makefile").write_text("include migrations/targets.mk\n", encoding="utf-8")
