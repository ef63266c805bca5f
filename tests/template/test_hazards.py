"""Cases from real life, by the number they have in the project's list of hazards."""

import os
import sqlite3
import sys
from pathlib import Path

import pytest
from project import Bake, BakedProject, interpreters, rewrite

PARENT_AND_CHILD = """
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from ..database import db


class Parent(db.Model):
    __tablename__ = "parents"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50))


class Child(db.Model):
    __tablename__ = "children"

    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("parents.id", ondelete="{action}"), index=True)
"""


def with_children(bake: Bake, action: str) -> BakedProject:
    """A project with 100 parents and 300 children, and a pending revision that rebuilds parents."""
    project = bake(example_models=False)
    family = project.models / "family.py"
    rewrite(family, PARENT_AND_CHILD.format(action=action))
    project.revise("family")
    project.make("db")
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
    project.sql(f"INSERT INTO parents {numbers.format(100)} SELECT i, 'parent ' || i FROM n")
    project.sql(f"INSERT INTO children {numbers.format(300)} SELECT i, i % 100 + 1 FROM n")
    project.edit(family, "String(50)", "String(80)")
    project.revise("longer names")
    return project


CHILDREN = "SELECT count(*), count(parent_id), sum(parent_id) FROM children"


def test_H01_H02_children_survive_a_rebuild_by_plain_alembic(bake: Bake) -> None:
    project = with_children(bake, "CASCADE")
    before = project.sql(CHILDREN)
    for command in (["upgrade", "head"], ["downgrade", "-1"]):
        project.alembic(*command)
        assert project.sql(CHILDREN) == before == [(300, 300, 15150)]
    project.make("migrate")
    assert project.sql(CHILDREN) == before
    assert project.sql("PRAGMA foreign_key_check") == []
    assert project.sql("SELECT name FROM sqlite_master WHERE name LIKE '_alembic%'") == []


def test_H01_a_connection_handed_in_is_left_as_it_was(bake: Bake) -> None:
    """Its own connection has foreign keys on; the same promise, and they are on again afterwards."""
    project = with_children(bake, "CASCADE")
    code = """
from alembic import command
from flask import current_app
from my_app import create_app
from my_app.database import db

with create_app().app_context():
    config = current_app.extensions["migrate"].migrate.get_config()
    with db.engine.connect() as connection:
        level = connection.connection.dbapi_connection.isolation_level
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.connection.dbapi_connection.isolation_level == level
        assert not connection.connection.dbapi_connection.in_transaction
"""
    project.run(project.python, "-c", code, FLASK_DEBUG="1")
    assert project.sql(CHILDREN) == [(300, 300, 15150)]
    assert len(project.revision) == 12


MODES = {
    "legacy": "{}",
    "autocommit": '{"autocommit": True}',
    "no autocommit": '{"autocommit": False}',
    "exclusive": '{"isolation_level": "EXCLUSIVE"}',
    "none": '{"isolation_level": None}',
}
HALF = """
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO tags (name) VALUES ('half')")
    op.create_table("other_half", sa.Column("id", sa.Integer, primary_key=True))
    {failure}
"""


def test_H04_a_revision_that_kills_its_process_leaves_nothing(project: BakedProject) -> None:
    project.make("db")
    path = project.path / "instance" / "my_app.db"
    failure = "__import__('os').kill(__import__('os').getpid(), 9)"
    broken = project.write_revision("half", HALF.format(failure=failure))
    schema = "SELECT name, sql FROM sqlite_master ORDER BY name"
    before = project.sql(schema)
    for _ in range(2):
        result = project.flask("db", "upgrade", check=False)
        assert result.returncode == -9 and "Traceback" not in result.out
        assert project.sql(schema) == before
        assert project.sql("SELECT name FROM tags ORDER BY name") == [("admin",), ("beta",)]
    project.edit(broken, failure, "pass")
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM tags") == [(3,)]
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_H04_in_every_mode_of_the_driver(render: Bake, bake: Bake, mode: str) -> None:
    """The application may have set its own; Python 3.12 and later know `autocommit`."""
    if "autocommit" in mode:
        pythons = interpreters()
        if not (python := pythons.get("3.13", pythons.get("3.12"))):
            pytest.skip("there is no Python here whose sqlite3 has autocommit")
        project = render()
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # where uv is
        project.make("setup", f"PYTHON={python}", PATH=path)
    else:
        project = bake()
    settings = project.path / "settings.py"
    settings.write_text(f"SQLALCHEMY_ENGINE_OPTIONS = {{'connect_args': {mode}}}\n")
    project.env["SETTINGS"] = str(settings)
    project.make("db")
    broken = project.write_revision("half", HALF.format(failure="1 / 0"))
    project.flask("db", "upgrade", check=False)
    assert project.sql("SELECT name FROM sqlite_master WHERE name LIKE '%half'") == []
    project.edit(broken, "1 / 0", "pass")
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM tags WHERE name = 'half'") == [(1,)]


def test_H39_mariadb_drops_the_foreign_key_before_its_index(anywhere: BakedProject) -> None:
    project = anywhere
    family = project.models / "family.py"
    rewrite(family, PARENT_AND_CHILD.format(action="CASCADE"))
    created = project.revise("family")
    project.make("migrate")
    assert "drop_index" not in created.read_text().partition("def downgrade")[2]
    project.make("rollback")
    project.make("migrate")

    text = family.read_text()
    rewrite(family, text.replace('ForeignKey("parents.id", ondelete="CASCADE"), index=True', ""))
    project.revise("neither key nor index")
    project.make("migrate")
    project.make("rollback")
    project.make("migrate")
    rewrite(family, text)
    project.revise("both again")
    project.make("migrate")
    family.unlink()
    dropped = project.revise("no family", "--drop parents --drop children")
    assert "drop_index" not in dropped.read_text().partition("def downgrade")[0]
    project.make("migrate")
    project.make("rollback")
    project.flask("db", "downgrade", "base")


def test_H47_sql_before_the_migration_on_its_connection_does_not_swallow_it(anywhere: BakedProject) -> None:
    """An application's own listener runs a statement on every new connection; what ran is stored."""
    project = anywhere
    project.edit(
        f"{project.package}/database.py",
        "    with app.app_context():",
        "    @event.listens_for(__import__('sqlalchemy').Engine, 'engine_connect')\n"
        "    def ask(connection):\n        connection.exec_driver_sql('SELECT 1')\n\n"
        "    with app.app_context():",
    )
    project.flask("db", "upgrade")
    assert project.revision == "3f1d9a62c0b7"
    assert project.sql("SELECT count(*) FROM users") == [(0,)]


STATEMENT_BEFORE_CONFIGURE = """
run_on = environment._run_on


def ask_first(connection, *arguments):
    connection.exec_driver_sql("SELECT 1")
    run_on(connection, *arguments)


environment._run_on = ask_first
"""


def test_H47_a_run_that_was_not_stored_is_not_called_a_success(anywhere: BakedProject) -> None:
    """A statement at the wrong place, before context.configure(): Alembic commits nothing."""
    project = anywhere
    project.edit("migrations/env.py", "\nif context", f"{STATEMENT_BEFORE_CONFIGURE}\nif context")
    out = project.flask("db", "upgrade", check=False).out
    assert "committed or rolled back" in out and "→" not in out and "Traceback" not in out


IN_PROCESS = """
import logging
import flask_migrate
from my_app import create_app

mine = logging.getLogger("mine")
app = create_app()
with app.app_context():
    app.logger
    flask_migrate.upgrade()
    assert not mine.disabled and not app.logger.disabled
    assert not logging.getLogger().handlers
    try:
        flask_migrate.upgrade(revision="nosuch")
    except Exception as error:
        print(type(error).__name__, error)
"""


def test_H61_H62_in_process(project: BakedProject) -> None:
    """Loggers stay as they are; an error is an exception with a message, not an exit."""
    out = project.run(project.python, "-c", IN_PROCESS, FLASK_DEBUG="1").out
    assert "MigrationError There is no revision nosuch" in out


def test_H62_one_step_back_needs_no_dashes(project: BakedProject) -> None:
    project.make("db")
    project.make("rollback")
    assert project.revision is None


def test_H63_a_percent_sign_in_the_path(bake: Bake, tmp_path, environment) -> None:
    project = bake()
    folder = tmp_path / "100% & 'more' $HOME"
    folder.mkdir()
    project.path = project.path.rename(folder / "my-app")
    project.make("db")
    project.alembic("upgrade", "head")
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    project.make("status")
    project.make("sql")
    assert project.sql("SELECT name, phone FROM users") == [("Ada", None)]
