"""Makes what is compared: an empty template, a bake of ours, a stock project, an environment."""

import os
import shutil
import sqlite3
import sys
import sysconfig
import tomllib
from pathlib import Path

from timing import Side, run

# The example of Flask-Migrate's documentation.
STOCK_APP = """\
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///app.db"

db = SQLAlchemy(app)
migrate = Migrate(app, db)
"""
STOCK_MODELS = """

class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(128))
"""


# What runs in a generated project, beside the commands.
CREATE_APP = "import flask.cli; from my_app import create_app; create_app()"
FIRST_RESPONSE = """
from my_app import create_app
assert create_app().test_client().get("/health/live").status_code == 200
"""
COPIES = """
import tempfile
from pathlib import Path
from flask_safe_migrations.testing import MigratedDatabases
from my_app import create_app
folder = tempfile.TemporaryDirectory()
with MigratedDatabases(create_app, Path(folder.name), {"SECRET_KEY": "x"}) as databases:
    for _ in range(50):
        with databases.app():
            pass
"""
CREATE_ALL = """
import tempfile
from pathlib import Path
from my_app import create_app
from my_app.database import db
folder = tempfile.TemporaryDirectory()
for number in range(50):
    url = f"sqlite:///{folder.name}/{number}.db"
    app = create_app({"TESTING": True, "SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": url})
    with app.app_context():
        db.create_all()
        db.engine.dispose()
"""


def make_empty_template(folder: Path) -> Path:
    project = folder / "{{cookiecutter.project_slug}}"
    project.mkdir(parents=True)
    (folder / "cookiecutter.json").write_text('{"project_slug": "my-app"}')
    (project / "README.md").write_text("# {{ cookiecutter.project_slug }}\n")
    return folder


def baking(template: Path, out: Path, *options: str) -> Side:
    """Return what bakes into a new folder `out`."""
    settings = out.with_suffix(".yaml")
    # Else replay files would be written to the home folder, and settings read from there.
    settings.write_text(f'replay_dir: "{out.with_suffix(".replay").as_posix()}"\n')
    command = [sys.executable, "-m", "cookiecutter", "--no-input", str(template), *options]
    command += ["--output-dir", str(out), "--config-file", str(settings)]
    return Side(command, out.parent, lambda: shutil.rmtree(out, ignore_errors=True))


def make_ours(folder: Path, template: Path, *options: str) -> Path:
    baking(template, folder, *options).seconds()
    [project] = folder.iterdir()
    return project


def make_environment(folder: Path, project: Path) -> Path:
    """Install what `project` depends on; return the environment's Python."""
    beside = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=os.pathsep.join([os.environ.get("PATH", ""), beside]))
    if not uv:
        sys.exit(f"uv is neither on the PATH nor in {beside}: install it there (pip install uv).")
    settings = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))
    library = str(Path(__file__).parent.parent)  # as it stands in the working tree
    dependencies = [
        library if name == "flask-safe-migrations" else name for name in settings["project"]["dependencies"]
    ]
    python = Path(sysconfig.get_path("scripts", "venv", {"base": str(folder)}), "python")
    run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)], project)
    run([uv, "pip", "install", "--quiet", "--python", str(python), *dependencies], project)
    return python


def make_stock(folder: Path, python: Path, *, models: str = STOCK_MODELS) -> Path:
    """Make a project by Flask-Migrate's own commands."""
    folder.mkdir()
    (folder / "app.py").write_text(STOCK_APP + models)
    flask = [str(python), "-m", "flask"]
    run([*flask, "db", "init"], folder)
    run([*flask, "db", "migrate", "-m", "baseline"], folder)
    return folder


def list_revisions(ours: Path, python: Path) -> None:
    """Write migrations/HEAD again, for revisions that no command of the project has made."""
    code = (
        "from alembic.script import ScriptDirectory as script; "
        "from flask_safe_migrations.revisions import manifest as chain; chain.write(script('migrations'))"
    )
    run([str(python), "-c", code], ours)


def upgrading(project: Path, python: Path, *, from_scratch: bool = False) -> Side:
    """Return what runs `flask db upgrade`; `from_scratch` deletes the database before each run."""

    def prepare() -> None:
        for file in project.glob("instance/*.db*") if from_scratch else ():
            file.unlink()

    return Side([str(python), "-m", "flask", "db", "upgrade"], project, prepare)


def python(project: Path, python: Path, code: str) -> Side:
    """Return what runs code inside a generated project."""
    return Side([str(python), "-c", f"import os; os.environ['FLASK_DEBUG'] = '1'\n{code}"], project)


def flask(project: Path, python: Path, *arguments: str) -> Side:
    """Return a command of `flask db`; the revision that the run before has made is deleted."""
    versions = project / "migrations" / "versions"
    there = set(versions.glob("*.py"))

    def prepare() -> None:
        for path in set(versions.glob("*.py")) - there:
            path.unlink()

    return Side([str(python), "-m", "flask", "db", *arguments], project, prepare)


def read_database(project: Path) -> tuple[list[tuple[str]], list[tuple[str]]]:
    """Return the revision that is stored, and the statements that made the tables, without those of ours."""
    [file] = project.glob("instance/*.db")
    connection = sqlite3.connect(file)
    try:
        version = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        tables = connection.execute(
            "SELECT sql FROM sqlite_master WHERE tbl_name NOT LIKE 'migration%' ORDER BY name"
        ).fetchall()
    finally:
        connection.close()
    return version, tables


def read_columns(project: Path) -> list[tuple[str, ...]]:
    """Return table, name and type of all columns."""
    [file] = project.glob("instance/*.db")
    connection = sqlite3.connect(file)
    try:
        return connection.execute(
            "SELECT m.name, c.name, c.type FROM sqlite_master m, pragma_table_info(m.name) c "
            "WHERE m.type = 'table' AND m.name NOT LIKE 'migration%' ORDER BY 1, c.cid"
        ).fetchall()
    finally:
        connection.close()
