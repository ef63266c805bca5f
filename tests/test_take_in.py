"""`flask db adopt --into`: a project with Flask-Migrate's own migrations/ goes on with this workflow."""

import itertools
import subprocess
from pathlib import Path

import existing
import pytest
from conftest import Bake
from project import BakedProject, rewrite

numbers = itertools.count(1)
MODELS = """

class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), unique=True, nullable=False)
    flag = db.Column(db.Boolean(), index=True)
"""
MORE = """    age = db.Column(db.Integer)


class Pet(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    owner_id = db.Column(db.Integer, db.ForeignKey("person.id"), nullable=False)
"""
SET_UP = """import os
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
"""
URL = 'os.environ["DATABASE_URL"].replace("ql:", "ql+psycopg:").replace("db:", "db+pymysql:")'
# As tutorials write it: all in one file, or a factory in a package with its extensions in a module.
LAYOUTS = {
    "module": {
        "app.py": f"""{SET_UP}
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = {URL}
db = SQLAlchemy(app)
migrate = Migrate(app, db)
"""
    },
    "factory": {
        ".flaskenv": "FLASK_APP=shop\n",
        "shop/extensions.py": f"{SET_UP}\ndb = SQLAlchemy()\nmigrate = Migrate()\n",
        "shop/__init__.py": f"""import os
from flask import Flask
from .extensions import db, migrate


def create_app(testing=False):
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = {URL}
    if not testing:
        app.config["SQLALCHEMY_ECHO"] = False
    db.init_app(app)
    migrate.init_app(
        app,
        db,
        render_as_batch=True,
    )
    from . import models
    return app
""",
        "shop/models.py": "from .extensions import db\n",
    },
}
WHERE = {"module": "app.py", "factory": "shop/models.py"}


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


class Old(BakedProject):
    """It was never baked; but it is run in the same way."""

    layout = "module"

    def grow(self, text: str) -> None:
        path = self.path / WHERE[self.layout]
        rewrite(path, path.read_text() + text)

    def commit(self) -> None:
        git(self.path, "add", ".")
        git(self.path, "commit", "--quiet", "-m", "as it is")


@pytest.fixture
def old(tmp_path: Path, environment: Path, request: pytest.FixtureRequest):
    """A project as it was before, at its first revision, with rows; the second is there and pending."""

    def old(layout: str, engine: str = "sqlite") -> Old:
        project = Old(tmp_path / "old", "shop")
        project.layout = layout
        for name, text in LAYOUTS[layout].items():
            (project.path / name).parent.mkdir(parents=True, exist_ok=True)
            (project.path / name).write_text(text)
        (project.path / ".gitignore").write_text(".venv\ninstance/\n__pycache__/\n")
        (project.path / ".venv").symlink_to(environment)
        if engine == "sqlite":
            database = project.path / "instance" / "old.db"
            project.env["DATABASE_URL"] = f"sqlite:///{database}"
        else:
            project.env["DATABASE_URL"] = request.getfixturevalue(engine).url(f"old_{next(numbers)}_dev")
        existing.make(project, "SELECT 1;")
        project.grow(MODELS)
        project.flask("db", "init")
        project.flask("db", "migrate", "-m", "people")
        project.flask("db", "upgrade")
        project.sql("INSERT INTO person (name) VALUES ('Ann'), ('Ben')")
        project.grow(MORE)
        project.flask("db", "migrate", "-m", "pets")
        git(project.path, "init", "--quiet")
        project.commit()
        return project

    return old


@pytest.mark.parametrize(
    ("layout", "engine"),
    [("module", "sqlite"), ("factory", "sqlite"), ("factory", "postgresql"), ("factory", "mariadb")],
)
def test_it_goes_on_from_where_it_stands(bake: Bake, old, layout: str, engine: str) -> None:
    new, project = bake(), old(layout, engine)
    first, second = (path.name for path in sorted(project.versions, key=lambda path: "pets" in path.name))
    rows = existing.rows(project)

    out = new.flask("db", "adopt", "--into", str(project.path)).out
    assert "has the workflow" in out and "alembic>=" in out
    changed = git(project.path, "diff", "HEAD", "--stat")
    assert "migrations/env.py" in changed and "versions" not in changed
    for name in ("env.py", "alembic.ini", "script.py.mako"):
        assert (project.path / "migrations" / f"{name}.before-adoption").is_file()
    assert [
        line.split()[0] for line in (project.path / "migrations" / "HEAD").read_text().splitlines()[1:]
    ] == [name.partition("_")[0] for name in (first, second)]

    # Behind by one, it says so, and goes on; no row is lost.
    status = project.flask("db", "status").out
    assert "Pending" in status and "(pets)" in status
    assert existing.rows(project) == rows
    assert "(pets)" in project.make("migrate", "FLASK=.venv/bin/flask").out
    after = existing.rows(project)
    assert [row[:3] for row in after["person"]] == rows["person"] and after["pet"] == []
    assert "Nothing to do" in project.flask("db", "upgrade").out
    assert "(head)" in project.alembic("current").out

    # What it cannot be proud of is told, and stops nothing.
    said = project.flask("db", "verify", check=False).out
    wrong = [line for line in said.splitlines() if line.startswith("✗")]
    assert wrong == ["✗ every constraint has a name"], said
    assert "the foreign key of pet (owner_id) has no name" in said

    # One more change goes the new way.
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "nothing").out
    project.grow("    nick = db.Column(db.String(20))\n")
    out = project.flask("db", "new", "-m", "nicknames").out
    assert "adds column pet.nick" in out and "Proved: up, down and up again" in out
    project.flask("db", "upgrade")
    assert [row[:3] for row in existing.rows(project)["person"]] == rows["person"]
    project.flask("db", "downgrade")
    project.commit()


def test_a_database_at_the_head_has_nothing_to_do(bake: Bake, old) -> None:
    new, project = bake(), old("module")
    project.flask("db", "upgrade")
    rows = existing.rows(project)
    new.flask("db", "adopt", "--into", str(project.path))
    assert "Nothing to do" in project.flask("db", "upgrade").out
    assert existing.rows(project) == rows
    assert "has this workflow already" in new.flask_fails("db", "adopt", "--into", str(project.path))


def test_what_could_not_be_taken_back_is_refused(bake: Bake, old, tmp_path: Path) -> None:
    new, project = bake(), old("module")
    into = ["db", "adopt", "--into"]
    (tmp_path / "empty").mkdir()
    assert "has no migrations/" in new.flask_fails(*into, str(tmp_path / "empty"))
    rewrite(project.path / "app.py", (project.path / "app.py").read_text() + "\n")
    assert "not committed (M app.py)" in new.flask_fails(*into, str(project.path))
    git(project.path, "checkout", "--quiet", "app.py")
    env = project.path / "migrations" / "env.py"
    rewrite(env, env.read_text() + "\nbind_names = []\n")
    project.commit()
    assert "several databases" in new.flask_fails(*into, str(project.path))
    git(project.path, "reset", "--quiet", "--hard", "HEAD~1")
    rewrite(
        project.path / "app.py",
        (project.path / "app.py").read_text().replace("(app, db)", "(app, db, directory='db')"),
    )
    project.commit()
    assert "keeps its revisions in db" in new.flask_fails(*into, str(project.path))
    (project.path / ".git").rename(tmp_path / "git")
    assert "not in a git repository" in new.flask_fails(*into, str(project.path))
    assert not (project.path / "migrations" / "workflow").exists()


def test_what_is_left_by_hand_is_said(bake: Bake, old) -> None:
    new, project = bake(), old("module")
    env = project.path / "migrations" / "env.py"
    rewrite(env, env.read_text().replace("logger =", "mine = 1\nlogger ="))
    app = project.path / "app.py"
    rewrite(app, app.read_text().replace("Migrate(app, db)", "type('M', (Migrate,), {})(app, db)"))
    (project.path / "Makefile").write_text("all:\n")
    (project.path / "pyproject.toml").write_text('[tool.alembic]\nscript_location = "migrations"\n')
    (project.path / ".gitignore").write_text(".venv\n__pycache__/\n*.db\n")
    project.commit()
    out = new.flask("db", "adopt", "--into", str(project.path), "--app", "app:app").out
    for words in (
        "what of env.py.before-adoption is your own",
        "registered in no place",
        "take_over(app)",
        "put `include migrations/targets.mk` into the Makefile",
        "a [tool.alembic] of its own",
        "put it into .gitignore",
    ):
        assert words in out
    assert "'app:app'" in env.read_text()
    assert (project.path / "Makefile").read_text() == "all:\n"
