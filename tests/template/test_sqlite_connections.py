"""SQLite: how the application connects, and what a migration makes of a write-ahead log."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from project import Bake, BakedProject
from test_deployments import start, wait_until

PRAGMAS = """
from my_app import create_app
from my_app.database import db

with create_app().app_context():
    for name in ("foreign_keys", "journal_mode", "busy_timeout"):
        print(db.session.execute(db.text(f"PRAGMA {name}")).scalar())
"""


def pragmas(project: BakedProject, **env: str) -> list[str]:
    """What a connection of the application says: foreign_keys, journal_mode, busy_timeout."""
    return project.run(project.python, "-c", PRAGMAS, FLASK_DEBUG="1", **env).out.split()


def configure(project: BakedProject, options: str) -> None:
    (project.path / "settings.py").write_text(f"SQLALCHEMY_ENGINE_OPTIONS = {options}\n")
    project.env["SETTINGS"] = str(project.path / "settings.py")


def database(project: BakedProject) -> Path:
    return project.path / "instance" / "my_app.db"


def with_log(project: BakedProject) -> BakedProject:
    """The database as it is once the application has run; with a revision to come."""
    project.make("db")
    assert pragmas(project)[1] == "wal"
    project.add_column()
    project.revise("phone")
    return project


def test_the_application_connects_with_foreign_keys_log_and_patience(project: BakedProject) -> None:
    project.make("db")
    assert project.sql("PRAGMA journal_mode") == [("delete",)]  # as of a project made in earlier days
    assert pragmas(project) == ["1", "wal", "10000"]
    assert project.sql("PRAGMA journal_mode") == [("wal",)]
    assert pragmas(project, DATABASE_URL="sqlite://") == ["1", "memory", "10000"]
    configure(project, '{"connect_args": {"timeout": 3}}')
    assert pragmas(project) == ["1", "wal", "3000"]


def test_it_connects_without_a_log_where_somebody_is_in_the_way(project: BakedProject) -> None:
    project.make("db")
    with closing(sqlite3.connect(database(project), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM tags").fetchall()
        assert pragmas(project) == ["1", "delete", "10000"]
    assert pragmas(project)[1] == "wal"


def test_it_opens_a_file_that_is_read_only(project: BakedProject) -> None:
    project.make("db")
    url = f"sqlite:///file:{database(project)}?mode=ro&uri=true"
    assert pragmas(project, DATABASE_URL=url) == ["1", "delete", "10000"]


def test_H16_with_a_log_a_reader_is_not_in_the_way(project: BakedProject) -> None:
    project = with_log(project)
    with closing(sqlite3.connect(database(project), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT * FROM users").fetchall()
        project.make("migrate")
        assert reader.execute("SELECT * FROM users").fetchall() == before
        reader.execute("COMMIT")
    assert project.sql("SELECT phone FROM users") == [(None,)]


def test_H16_with_a_log_a_writer_is(project: BakedProject) -> None:
    project = with_log(project)
    with closing(sqlite3.connect(database(project), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        out = project.flask("db", "upgrade", check=False, MIGRATION_LOCK_TIMEOUT="0.5").out
        assert "gave up after 0.5 s, nothing was changed" in out and "Traceback" not in out
        assert project.revision == "3f1d9a62c0b7"
        migration = start(project)
        assert "Waiting for another program" in str(migration.stdout and migration.stdout.readline())
        writer.execute("INSERT INTO tags (name) VALUES ('mine')")
        writer.execute("COMMIT")
        assert migration.wait() == 0
    assert project.sql("SELECT count(*) FROM tags") == [(3,)]


def test_a_migration_that_is_killed_with_its_log_leaves_nothing_of_it(project: BakedProject) -> None:
    project = with_log(project)
    body = "def upgrade():\n    op.execute(\"INSERT INTO tags (name) VALUES ('half')\")\n"
    body += "    open('running', 'w').close()\n    __import__('time').sleep(60)\n"
    path = project.write_revision("killed", body)
    with closing(sqlite3.connect(database(project), isolation_level=None)) as reader:  # keeps the log
        reader.execute("SELECT * FROM tags").fetchall()
        migration = start(project)
        wait_until((project.path / "running").exists)
        migration.kill()
        migration.wait()
        assert reader.execute("SELECT count(*) FROM tags").fetchall() == [(2,)]
    assert project.revision == "3f1d9a62c0b7"
    project.edit(path, "sleep(60)", "sleep(0)")
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM tags") == [(3,)]
    assert project.sql("PRAGMA integrity_check") == [("ok",)]


@pytest.mark.parametrize("verb", ["rebuild", "restore"])
def test_the_database_is_replaced_under_a_program_that_has_it_open(project: BakedProject, verb: str) -> None:
    """Its log must not be taken for that of the new content, and what it reads stays as it was."""
    project = with_log(project)
    project.make("backup")
    with closing(sqlite3.connect(database(project), isolation_level=None)) as program:
        program.execute("INSERT INTO tags (name) VALUES ('mine')")
        program.execute("BEGIN")
        assert program.execute("SELECT count(*) FROM tags").fetchone() == (3,)
        project.flask("db", verb, *(["--yes"] if verb == "restore" else []), FLASK_DEBUG="1")
        assert program.execute("SELECT count(*) FROM tags").fetchone() == (3,)
        program.execute("COMMIT")
        assert program.execute("SELECT count(*) FROM tags").fetchone() == (2,)
        program.execute("INSERT INTO tags (name) VALUES ('later')")
    assert project.sql("SELECT name FROM tags ORDER BY name") == [("admin",), ("beta",), ("later",)]
    assert project.sql("PRAGMA integrity_check") == [("ok",)]
    assert not list((project.path / "instance").glob("*.building*"))


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_program_in_the_way_of_a_replacement_is_named(project: BakedProject, mode: str) -> None:
    project.make("db")
    project.sql(f"PRAGMA journal_mode = {mode}")
    with closing(sqlite3.connect(database(project), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("INSERT INTO tags (name) VALUES ('mine')")
        out = project.flask("db", "rebuild", check=False).out
        assert "is in use by another program" in out and "Traceback" not in out
        writer.execute("COMMIT")
    assert project.sql("SELECT count(*) FROM tags") == [(3,)]
    project.make("db")
    assert project.sql("SELECT count(*) FROM tags") == [(2,)]


def test_a_snapshot_with_another_page_size_is_put_back(project: BakedProject) -> None:
    project = with_log(project)
    project.make("backup")
    (snapshot,) = (project.path / "instance" / "backups").glob("*.sqlite")
    with closing(sqlite3.connect(snapshot)) as connection:
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("VACUUM")
    project.sql("DELETE FROM tags")
    project.flask("db", "restore", snapshot.name, "--yes")
    assert project.sql("SELECT count(*) FROM tags") == [(2,)]
    assert project.sql("PRAGMA integrity_check") == [("ok",)]


def test_a_log_that_outlived_its_database(project: BakedProject) -> None:
    """Somebody removes the file alone: `make db` must not read the log into the new one."""
    project = with_log(project)
    path = database(project)
    with closing(sqlite3.connect(path)) as program:
        program.execute("INSERT INTO tags (name) VALUES ('mine')")
        program.commit()
        path.unlink()
    assert Path(f"{path}-wal").exists()
    project.make("db")
    assert project.sql("SELECT count(*) FROM tags") == [(2,)]
    assert project.sql("PRAGMA integrity_check") == [("ok",)]


def test_sql_is_rendered_with_a_log(project: BakedProject) -> None:
    assert "ADD COLUMN phone" in with_log(project).make("sql").out


@pytest.mark.parametrize(
    "handed_in", ["upgrade()", "migrate(db.engine)", "with_connection()", "in_transaction()"]
)
def test_H04_isolation_level_autocommit_leaves_nothing_of_a_revision_that_fails(
    project: BakedProject, handed_in: str
) -> None:
    """Set for the whole application, and on the engine or connection that code hands to the migration."""
    configure(project, '{"isolation_level": "AUTOCOMMIT"}')
    project.make("db")
    body = 'def upgrade():\n    op.create_table("half", sa.Column("id", sa.Integer))\n'
    body += "    op.execute(\"INSERT INTO tags (name) VALUES ('half')\")\n    1 / 0\n"
    path = project.write_revision("half", body)
    (project.path / "handed_in.py").write_text(HANDED_IN + f"    {handed_in}\n")
    if handed_in == "in_transaction()":  # AUTOCOMMIT has none, so that is for its owner to answer for
        path.write_text(path.read_text().replace("    1 / 0\n", ""))
    else:
        out = project.run(project.python, "handed_in.py", check=False, FLASK_DEBUG="1").out
        assert "line" in out and "Nothing was changed" in out
        assert project.sql("SELECT name FROM sqlite_master WHERE name = 'half'") == []
        assert project.sql("SELECT count(*) FROM tags") == [(2,)]
        project.edit(path, "1 / 0", "pass")
    project.run(project.python, "handed_in.py", FLASK_DEBUG="1")
    assert project.sql("SELECT count(*) FROM tags") == [(3,)] and project.revision == "half"


HANDED_IN = """
from alembic import command
from flask import current_app
from flask_migrate import upgrade
from my_app import create_app
from my_app.database import db


def migrate(given):
    config = current_app.extensions["migrate"].migrate.get_config()
    config.attributes["connection"] = given
    command.upgrade(config, "head")


def with_connection():
    with db.engine.connect() as connection:
        migrate(connection)


def in_transaction():
    with db.engine.begin() as connection:
        migrate(connection)


with create_app().app_context():
"""


IN_MEMORY = """
import flask_migrate
from my_app import create_app
from my_app.database import db
from my_app.models.users import Tag

app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://", "SECRET_KEY": "only for tests"})
with app.app_context():
    flask_migrate.upgrade()
    flask_migrate.upgrade()
    db.session.add(Tag(name="one"))
    db.session.commit()
    flask_migrate.downgrade(revision="base")
    assert not db.inspect(db.engine).has_table("tags")
    flask_migrate.upgrade()
    assert db.session.scalar(db.select(db.func.count()).select_from(Tag)) == 0
    assert db.session.scalar(db.text("PRAGMA foreign_keys")) == 1
    assert db.session.scalar(db.text("SELECT version_num FROM alembic_version")) == "3f1d9a62c0b7"
other = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": "sqlite://", "SECRET_KEY": "only for tests"})
with other.app_context():
    assert not db.inspect(db.engine).has_table("tags")
"""


def test_a_database_in_memory_is_migrated_in_tests(project: BakedProject) -> None:
    project.run(project.python, "-W", "error", "-c", IN_MEMORY, FLASK_DEBUG="1")
    assert not database(project).exists()


IN_MEMORY_APP = """
    app = create_app({"TESTING": True, "SECRET_KEY": "x", "SQLALCHEMY_DATABASE_URI": "sqlite://"})
    with app.app_context():
        __import__("flask_migrate").upgrade()
        yield app
"""


def test_the_generated_tests_run_in_memory(project: BakedProject) -> None:
    project.edit(
        "tests/conftest.py",
        "    with databases.app() as app:\n        yield app\n",
        IN_MEMORY_APP.lstrip("\n"),
    )
    project.make("test")


def test_H01_a_rebuild_inside_a_transaction_handed_in_does_not_reach_the_children(bake: Bake) -> None:
    """There foreign keys cannot be switched off: refused where rows would go, done where there are none."""
    project = bake()
    project.make("db")
    body = 'def upgrade():\n    with op.batch_alter_table("users") as batch:\n'
    body += '        batch.alter_column("name", existing_type=sa.String(100), type_=sa.String(120))\n'
    project.write_revision("longer", body)
    (project.path / "handed_in.py").write_text(HANDED_IN + "    in_transaction()\n")
    out = project.run(project.python, "handed_in.py", check=False, FLASK_DEBUG="1").out
    assert "would delete or change rows of user_tags" in out
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)] and project.revision == "3f1d9a62c0b7"
    project.sql("DELETE FROM user_tags")
    project.run(project.python, "handed_in.py", FLASK_DEBUG="1")
    assert project.revision == "longer"


def test_H01_a_rebuild_that_would_lose_rows_of_its_own_is_refused(bake: Bake) -> None:
    project = bake(example_models=False)
    columns = 'sa.Column("id", sa.Integer, primary_key=True), sa.Column("name", sa.Text)'
    rows = "INSERT INTO things (name) VALUES ('one'), ('one'), ('two')"
    body = f'def upgrade():\n    op.create_table("things", {columns})\n    op.execute("{rows}")\n'
    project.write_revision("made", body)
    project.make("migrate")
    body = 'def upgrade():\n    with op.batch_alter_table("things") as batch:\n'
    body += '        batch.create_unique_constraint("uq_name", ["name"], sqlite_on_conflict="IGNORE")\n'
    path = project.write_revision("unique", body)
    project.env["MIGRATION_ROW_CHECK_TIMEOUT"] = "0"  # which would find the two rows before
    out = project.flask("db", "upgrade", check=False).out
    assert "would lose 1 of its 3 rows" in out and "Traceback" not in out
    assert project.sql("SELECT count(*) FROM things") == [(3,)] and project.revision == "made"
    project.edit(
        path, "def upgrade():\n", "def upgrade():\n    op.execute('DELETE FROM things WHERE id = 2')\n"
    )
    project.make("migrate")
    assert project.sql("SELECT name FROM things ORDER BY id") == [("one",), ("two",)]


@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_file_that_is_read_only(project: BakedProject, mode: str) -> None:
    """Its folder may be written. Root may write any file, unless that is taken from it."""
    bound = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    project.make("db")
    project.add_column()
    project.revise("phone")
    project.sql(f"PRAGMA journal_mode = {mode}")
    database(project).chmod(0o444)
    for verb in ("upgrade", "rebuild"):
        result = project.run(*bound, project.python, "-m", "flask", "db", verb, check=False)
        assert result.returncode == 1 and "Traceback" not in result.out, result.out
        assert "may not be written" in result.out.splitlines()[-1], result.out
    assert project.revision == "3f1d9a62c0b7"
    result = project.run(*bound, project.python, "-m", "flask", "db", "status")
    assert "3f1d9a62c0b7" in result.out
    database(project).chmod(0o644)
    project.make("migrate")
