"""Where an application stands: a module, a factory, src/, another working directory, plain `alembic`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
MODULE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_safe_migrations import Migrate

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = {url!r}
db = SQLAlchemy(app)
migrate = Migrate(app, db, "{directory}", compare_type=True)


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""


def run(folder: Path, *command: str, **env: str) -> str:
    result = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(SOURCE), "FLASK_DEBUG": "1"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert result.returncode == 0, result.stdout
    return result.stdout


@pytest.mark.parametrize("place", ["app.py", "src/shop/__init__.py"])
def test_an_application_in_a_module(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{tmp_path}/shop_dev.db"
    file.write_text(MODULE.format(url=url, directory="db/migrations"))
    env = {} if place == "app.py" else {"FLASK_APP": "shop", "PYTHONPATH": f"{SOURCE}:{tmp_path / 'src'}"}
    run(tmp_path, "flask", "db", "init", **env)
    assert (tmp_path / "db" / "migrations" / "env.py").is_file()
    run(tmp_path, "flask", "db", "new", "-m", "users", **env)
    run(tmp_path, "flask", "db", "upgrade", **env)
    # Constraints without a name are the only thing that `verify` finds, so every model was found as well.
    elsewhere = {"FLASK_APP": str(file) if place == "app.py" else "shop"}
    (tmp_path / "elsewhere").mkdir()
    output = run(tmp_path / "elsewhere", "flask", "db", "status", **(env | elsewhere))
    assert "Pending   nothing" in output
    # Plain alembic needs no create_app: the application is found as `flask` finds it.
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/db/migrations\n")
    run(tmp_path, "alembic", "downgrade", "base", **env)
    run(tmp_path, "alembic", "upgrade", "head", **env)
    head = run(tmp_path, "alembic", "current", **env)
    assert "(head)" in head


def test_code_that_calls_flask_migrate(project):
    import flask_migrate

    app = project.create_app()
    with app.app_context():
        flask_migrate.migrate(message="users")
        flask_migrate.upgrade()
        assert project.sql("SELECT count(*) FROM user") == [(0,)]
        flask_migrate.downgrade()
        flask_migrate.upgrade(directory=str(project.migrations))
    for engine in project.engines(app):
        engine.dispose()
    assert "Pending   nothing" in project.flask("status")


def test_what_flask_migrate_takes_by_position(new_project):
    project = new_project()
    project.arguments = "None, db, 'db_scripts', 'database', False, False"
    app = project.create_app()
    runner = app.test_cli_runner()
    assert runner.invoke(args=["database", "init"]).exit_code == 0
    assert (project.path / "db_scripts" / "env.py").is_file()
    assert dict(app.extensions["migrate"].configure_args) == {
        "compare_type": False,
        "render_as_batch": False,
    }
