"""H72: a database that is used outside development says so itself, where nothing else tells."""

from pathlib import Path

from project import BakedProject
from servers import Server
from test_downgrades import PRODUCTION, tables
from test_snapshots import snapshots


def test_H72_a_database_that_was_migrated_outside_development_is_not_rebuilt(anywhere: BakedProject) -> None:
    """Neither its name nor its place tells, and here debug is on by mistake."""
    project = anywhere
    (project.path / "instance").mkdir()
    project.flask("db", "upgrade", **PRODUCTION)
    project.sql("INSERT INTO tags (name) VALUES ('precious')")
    sentence = project.flask_fails("db", "rebuild")
    assert "FLASK_DEBUG=0" in sentence and "--yes-destroy" in sentence
    assert project.sql("SELECT name FROM tags") == [("precious",)]
    assert "tags (1 row)" in project.flask_fails("db", "downgrade", "base")
    # It is no difference to the models, and does not stand in the way of anything.
    assert "No new upgrade operations" in project.flask("db", "check").out
    assert "Nothing to migrate" in project.make("newmigration", "m=nothing").out
    # Named, it is rebuilt, and is a development database from then on.
    name = sentence.split("--yes-destroy ")[1].rstrip(".")
    project.make("db", f"args=--yes-destroy {name}")
    assert "migration_marker" not in tables(project)
    project.make("db")


def test_H72_the_mark_and_snapshots(project: BakedProject, tmp_path: Path) -> None:
    """It stays where a snapshot is put back in production, and does not come to a developer with one."""
    (project.path / "instance").mkdir()
    project.flask("db", "upgrade", **PRODUCTION)
    project.flask("db", "backup", **PRODUCTION)
    (path,) = snapshots(project)
    project.flask("db", "restore", "--yes-destroy", "my_app.db", path.name, **PRODUCTION)
    assert "migration_marker" in tables(project)
    assert "FLASK_DEBUG=0" in project.flask_fails("db", "restore", "--yes", path.name)
    here = tmp_path / "snapshot.sqlite"
    here.write_bytes(path.read_bytes())
    (project.path / "instance" / "my_app.db").unlink()  # a developer's machine
    project.flask("db", "restore", "--yes", str(here))
    assert "users" in tables(project) and "migration_marker" not in tables(project)
    project.make("db")


def test_H72_the_mark_is_made_only_where_nothing_else_tells(
    project: BakedProject, postgresql: Server
) -> None:
    project.env["DATABASE_URL"] = postgresql.url("live_unmarked")
    project.flask("db", "upgrade", **PRODUCTION)
    assert "migration_marker" not in tables(project)
    development = postgresql.url("marked_dev")
    project.make("db", DATABASE_URL=development)
    project.env["DATABASE_URL"] = development
    assert "migration_marker" not in tables(project)
    project.flask("db", "upgrade", **PRODUCTION)  # nothing is pending, but it is used there
    assert "migration_marker" in tables(project)


def test_H72_tests_of_a_project_leave_no_mark(project: BakedProject) -> None:
    code = "from flask_migrate import upgrade; from my_app import create_app\n"
    code += "with create_app({'TESTING': True, 'SECRET_KEY': 'x'}).app_context():\n    upgrade()"
    (project.path / "instance").mkdir()
    project.run(project.python, "-c", code, **PRODUCTION)
    assert tables(project) == {"alembic_version", "migration_applied", "tags", "users", "user_tags"}
