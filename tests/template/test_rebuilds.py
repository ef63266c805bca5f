"""SQLite: what a table must not lose when it is rebuilt. The numbers are those of the list of hazards."""

import sqlite3
from pathlib import Path

import pytest
from project import Bake, BakedProject

# Rebuilds the table: SQLite has no ALTER COLUMN.
REBUILD = """
def upgrade():
    with op.batch_alter_table("things"{arguments}) as batch:
        batch.alter_column("name", existing_type=sa.String(50), type_=sa.String(80))
"""


def with_table(bake: Bake, *statements: str, arguments: str = "") -> BakedProject:
    """A project whose database has table `things`, made by these statements, and a pending rebuild of it."""
    project = bake(example_models=False)
    lines = "".join(f'    op.execute("""{statement}""")\n' for statement in statements)
    project.write_revision("made", f"def upgrade():\n{lines}")
    project.make("migrate")
    project.sql("INSERT INTO things (name) VALUES ('one'), ('two'), ('three')")
    project.write_revision("rebuilt", REBUILD.format(arguments=arguments))
    return project


def schema(project: BakedProject) -> dict[str, str]:
    rows = project.sql("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    return {name: " ".join(sql.split()) for name, sql in rows}


TABLE = "CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(50), price INTEGER)"
LOG = "CREATE TABLE log (id INTEGER PRIMARY KEY, what TEXT)"
REMEMBER = "INSERT INTO log (what) VALUES (old.name)"
TRIGGER = f"CREATE TRIGGER remember AFTER UPDATE OF name ON things BEGIN {REMEMBER}; END"


def test_H08_triggers_are_still_there_and_work(bake: Bake) -> None:
    project = with_table(bake, TABLE, LOG, TRIGGER)
    project.make("migrate")
    assert schema(project)["remember"] == TRIGGER
    project.sql("UPDATE things SET name = 'uno' WHERE name = 'one'")
    assert project.sql("SELECT what FROM log") == [("one",)]
    assert project.sql("SELECT count(*) FROM things") == [(3,)]


def test_H08_a_trigger_that_would_no_longer_work_is_refused(bake: Bake) -> None:
    trigger = TRIGGER.replace("old.name", "old.price")
    project = with_table(bake, TABLE, LOG, trigger)
    before = schema(project)
    body = 'def upgrade():\n    with op.batch_alter_table("things", recreate="always") as batch:\n'
    project.write_revision("dropped", f'{body}        batch.drop_column("price")\n')
    out = project.flask("db", "upgrade", check=False).out
    assert "Rebuilding table things would break trigger remember (no such column: old.price)" in out
    assert "Traceback" not in out
    assert schema(project) == before and project.revision == "made"


def test_H09_a_view_on_the_table(bake: Bake) -> None:
    view = "CREATE VIEW names AS SELECT name FROM things"
    project = with_table(bake, TABLE, view)
    project.make("migrate")
    assert schema(project)["names"] == view
    assert project.sql("SELECT count(*) FROM names") == [(3,)]


def test_a_table_renamed_in_a_revision_is_followed_by_foreign_keys_and_views(bake: Bake) -> None:
    project = with_table(
        bake,
        TABLE,
        "CREATE TABLE parts (id INTEGER PRIMARY KEY, thing_id INTEGER REFERENCES things (id))",
        "CREATE VIEW names AS SELECT name FROM things",
    )
    project.write_revision("renamed", 'def upgrade():\n    op.rename_table("things", "items")\n')
    project.make("migrate")
    assert "items" in schema(project)["parts"] and "items" in schema(project)["names"]


@pytest.mark.parametrize(
    "index",
    [
        "CREATE INDEX ix ON things (lower(name))",
        "CREATE UNIQUE INDEX ix ON things (name || price) WHERE price > 3",
        "CREATE INDEX ix ON things (name DESC, price)",
        "CREATE INDEX ix ON things (name COLLATE NOCASE)",
        "CREATE INDEX ix ON things (name) WHERE price IS NOT NULL",
    ],
)
def test_H08_indexes(bake: Bake, index: str) -> None:
    project = with_table(bake, TABLE, index)
    project.make("migrate")
    assert schema(project)["ix"].replace('"', "") == index


def test_H08_the_counter_of_autoincrement(bake: Bake) -> None:
    table = TABLE.replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT")
    project = with_table(bake, table, arguments=', table_kwargs={"sqlite_autoincrement": True}')
    project.sql("DELETE FROM things WHERE id = 3")
    project.make("migrate")
    project.sql("INSERT INTO things (name) VALUES ('four')")
    assert project.sql("SELECT max(id) FROM things") == [(4,)]


KEPT_OR_REFUSED = {
    "autoincrement": TABLE.replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT"),
    "collation": TABLE.replace("VARCHAR(50)", "VARCHAR(50) COLLATE NOCASE"),
    "conflict": TABLE.replace("VARCHAR(50)", "VARCHAR(50) NOT NULL ON CONFLICT IGNORE"),
    "unnamed check": TABLE.replace("price INTEGER", "price INTEGER CHECK (price > 0)"),
    "unnamed table check": TABLE.replace(
        "price INTEGER", "price INTEGER, CHECK (price > 0 OR name = 'a,(b')"
    ),
    "without rowid": "CREATE TABLE things (name VARCHAR(50) PRIMARY KEY, price INTEGER) WITHOUT ROWID",
    "strict": "CREATE TABLE things (id INTEGER PRIMARY KEY, name TEXT, price INTEGER) STRICT",
    "inline foreign key": TABLE.replace(
        "price INTEGER", "price INTEGER REFERENCES log (id) ON DELETE CASCADE"
    ),
    "named check": TABLE.replace("price INTEGER", "price INTEGER, CONSTRAINT cheap CHECK (price < 9)"),
    "default": TABLE.replace("price INTEGER", "price INTEGER DEFAULT (3 + 4) NOT NULL"),
    "nothing special": TABLE,
}
WORDS = "AUTOINCREMENT|COLLATE NOCASE|ON CONFLICT IGNORE|CHECK|WITHOUT ROWID|STRICT|ON DELETE CASCADE|DEFAULT"


@pytest.mark.parametrize("table", KEPT_OR_REFUSED.values(), ids=KEPT_OR_REFUSED)
def test_H08_kept_or_refused_beforehand(bake: Bake, table: str) -> None:
    project = with_table(bake, LOG, table)
    before, rows = schema(project), project.sql("SELECT * FROM things ORDER BY name")
    result = project.flask("db", "upgrade", check=False)
    assert project.sql("SELECT * FROM things ORDER BY name") == rows
    if result.returncode:
        assert "othing was changed" in result.out and "Traceback" not in result.out, result.out
        assert schema(project) == before
    else:
        after = schema(project)["things"]
        assert "80" in after
        for word in WORDS.split("|"):
            assert (word in after) == (word in before["things"]), after


@pytest.mark.parametrize("kind", ["VIRTUAL", "STORED"])
def test_H11_a_generated_column(bake: Bake, kind: str) -> None:
    table = TABLE.replace("price INTEGER", f"price INTEGER GENERATED ALWAYS AS (length(name)) {kind}")
    project = with_table(bake, table)
    project.make("migrate")
    assert project.sql("SELECT name, price FROM things ORDER BY id") == [("one", 3), ("two", 3), ("three", 5)]
    assert "GENERATED ALWAYS" in schema(project)["things"]


def test_H03_a_revision_that_sets_the_pragma_itself_changes_nothing(bake: Bake) -> None:
    project = with_table(bake, TABLE)
    body = (
        'def upgrade():\n    op.execute("PRAGMA foreign_keys = ON")\n    op.execute("DELETE FROM things")\n'
    )
    project.write_revision("pragma", body)
    project.make("migrate")
    assert project.sql("SELECT count(*) FROM things") == [(0,)]


@pytest.mark.parametrize("original", [True, False])
def test_H05_a_temporary_table_left_from_earlier_days(bake: Bake, original: bool) -> None:
    """Dropped where the original is there; renamed back where it is the data."""
    project = with_table(bake, TABLE)
    with sqlite3.connect(project.path / "instance" / "my_app.db") as connection:
        connection.execute("CREATE TABLE _alembic_tmp_things AS SELECT * FROM things")
        if not original:
            connection.execute("DROP TABLE things")
    out = project.make("migrate").out
    assert "_alembic_tmp_things" in out
    assert project.sql("SELECT name FROM things ORDER BY id") == [("one",), ("two",), ("three",)]
    assert "_alembic_tmp_things" not in schema(project)


def test_the_side_effects_are_gone_after_a_handed_in_connection(bake: Bake, tmp_path: Path) -> None:
    project = with_table(bake, TABLE)
    code = """
from alembic import command
from flask import current_app
from my_app import create_app
from my_app.database import db

with create_app().app_context():
    config = current_app.extensions["migrate"].migrate.get_config()
    with db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        assert connection.exec_driver_sql("PRAGMA legacy_alter_table").scalar() == 0
        connection.exec_driver_sql("CREATE TABLE _alembic_tmp_x (id)")
        connection.exec_driver_sql("CREATE TABLE x (id)")
        connection.exec_driver_sql("DROP TABLE x")
        connection.exec_driver_sql("ALTER TABLE _alembic_tmp_x RENAME TO x")
"""
    project.run(project.python, "-c", code, FLASK_DEBUG="1")


@pytest.mark.parametrize(
    ("table", "arguments"),
    [
        (TABLE, ""),
        (TABLE.replace("price INTEGER", "twice INTEGER GENERATED ALWAYS AS (id * 2) STORED"), ""),
        (
            TABLE.replace("PRIMARY KEY", "PRIMARY KEY AUTOINCREMENT"),
            ', table_kwargs={"sqlite_autoincrement": True}',
        ),
    ],
)
def test_D8_the_printed_sql_does_all_that_a_run_does(bake: Bake, table: str, arguments: str) -> None:
    """Triggers, views, indexes and counters included; run by SQLite's own shell language, on a copy."""
    others = [
        LOG,
        TRIGGER,
        "CREATE INDEX lower_names ON things (lower(name))",
        "CREATE INDEX names_down ON things (name DESC)",
        "CREATE VIEW names AS SELECT name FROM things",
    ]
    project = with_table(bake, table, *others, arguments=arguments)
    project.sql("DELETE FROM things WHERE id = 3")
    script = project.make("sql").out
    assert "CREATE TRIGGER remember" in script and "lower(name)" in script
    copy = project.path / "copy.db"
    with sqlite3.connect(project.path / "instance" / "my_app.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
        target.executescript(script)
    project.make("migrate")
    ran = schema(project), project.sql("SELECT * FROM things"), counters(project)
    project.env["DATABASE_URL"] = f"sqlite:///{copy}"
    assert (schema(project), project.sql("SELECT * FROM things"), counters(project)) == ran
    assert "AUTOINCREMENT" not in table or ran[2] == [("things", 3)]


def counters(project: BakedProject) -> list[tuple]:
    there = "sqlite_sequence" in schema(project)
    return project.sql("SELECT name, seq FROM sqlite_sequence ORDER BY name") if there else []
