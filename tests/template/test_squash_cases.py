"""What a squash refuses, asks about, carries along and takes back."""

import shutil
from pathlib import Path

import catalogue
import pytest
from project import TEMPLATE, Bake, BakedProject, rewrite
from test_squash import beside, commit, git

KILLED = TEMPLATE / "tests" / "squash_killed.py"
ADD = """
def upgrade():
    op.add_column("tags", sa.Column({0!r}, sa.Integer()))


def downgrade():
    op.drop_column("tags", {0!r})
"""


def add(project: BakedProject, name: str, down: str | None = None) -> Path:
    return project.write_revision(name, ADD.format(name), down)


def sql(project: BakedProject, name: str, up: str, down: str = "SELECT 1") -> Path:
    body = f"def upgrade():\n    op.execute({up!r})\n\n\ndef downgrade():\n    op.execute({down!r})\n"
    return project.write_revision(name, body)


def test_what_cannot_be_folded_is_reported_and_nothing_changes(project: BakedProject) -> None:
    assert "Nothing to fold" in project.flask_fails("db", "squash")
    assert "There is no revision nowhere" in project.flask_fails("db", "squash", "--upto", "nowhere")
    assert "nothing to undo" in project.flask_fails("db", "squash", "--undo")
    add(project, "one")
    add(project, "two", "one")
    add(project, "three", "one")
    files = project.versions
    assert "2 newest revisions" in project.flask_fails("db", "squash")
    assert project.versions == files
    assert not (project.path / "migrations" / "archive").exists()


def test_a_branch_inside_is_folded_where_all_that_is_left_comes_after_it(project: BakedProject) -> None:
    add(project, "one")
    add(project, "left", "one")
    add(project, "right", "one")
    merge = add(project, "merged", "left")
    rewrite(merge, merge.read_text().replace('"left"', '("left", "right")'))
    add(project, "last", "merged")
    sentence = project.flask_fails("db", "squash", "--upto", "left")
    assert "_right.py comes after one, which would be folded" in sentence
    project.make("db")
    wanted = catalogue.schema(project)
    project.make("squash", "upto=merged")
    assert len(project.versions) == 2
    project.make("db")
    assert catalogue.schema(project) == wanted
    assert "Nothing to do" in project.make("migrate").out


def test_H68_a_branch_that_was_not_merged_is_reported_to_rebase(project: BakedProject) -> None:
    add(project, "one")
    add(project, "two")
    project.make("squash")
    theirs = add(project, "theirs", "one")
    sentence = project.flask_fails("db", "upgrade")
    assert f"{theirs.name} comes after one, which was folded into a baseline" in sentence
    assert "`make rebase` puts it on top" in sentence
    theirs.unlink()
    sentence = project.flask_fails("db", "upgrade", "one")
    assert "was folded into" in sentence and "name two or a later one" in sentence


def test_revisions_that_change_rows_are_listed_and_asked_about(project: BakedProject) -> None:
    sql(project, "rows", "INSERT INTO tags (id, name) VALUES (7, 'blue')", "DELETE FROM tags")
    sql(project, "moved", "UPDATE users SET name = upper(name)")
    project.make("db")
    files = project.versions
    result = project.flask("db", "squash", check=False)
    assert result.returncode == 1
    assert "_rows.py: changes rows: the rows of tags are carried over" in result.out
    assert "_moved.py: changes rows: new databases have no rows to change" in result.out
    assert "add --yes" in result.out
    assert project.versions == files
    project.flask("db", "squash", "--yes")
    # Nobody means all the way who asks for one step back, in development either.
    sentence = project.flask_fails("db", "downgrade")
    assert "would lose" in sentence or "loses" in sentence
    assert project.sql("SELECT name FROM tags WHERE id = 7") == [("blue",)]
    (project.path / "instance" / "my_app.db").unlink()
    project.flask("db", "upgrade")
    assert project.sql("SELECT id, name FROM tags") == [(7, "blue")]


def test_the_baseline_is_as_good_as_any_revision(bake: Bake) -> None:
    project = bake()
    project.add_column()
    project.revise("phone")
    project.make("squash")
    project.make("db")
    assert "✗" not in project.make("checkmigrations").out
    (baseline,) = project.versions
    assert "op.execute" not in baseline.read_text()
    project.add_column("fax: Mapped[str | None] = mapped_column(String(30))")
    project.revise("fax")
    project.make("migrate")
    project.make("rollback")


def test_a_baseline_from_sqlite_runs_on_postgresql(on: Bake, bake: Bake) -> None:
    """Types of the models, and keys that go on counting behind the rows that came along."""
    project = on("postgresql")
    model = """
import enum
import uuid

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from ..database import db


class Colour(enum.Enum):
    red = 1
    blue = 2


class Shout(TypeDecorator):
    impl = sa.String(20)
    cache_ok = True


class Thing(db.Model):
    __tablename__ = "things"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[uuid.UUID]
    colour: Mapped[Colour]
    payload: Mapped[dict | None] = mapped_column(sa.JSON)
    said: Mapped[str] = mapped_column(Shout)
    other_id: Mapped[int | None] = mapped_column(sa.ForeignKey("others.id", name="fk_things_other"))


class Other(db.Model):
    __tablename__ = "others"

    id: Mapped[int] = mapped_column(primary_key=True)
    thing_id: Mapped[int | None] = mapped_column(sa.ForeignKey("things.id", name="fk_others_thing"))
"""
    rewrite(project.models / "things.py", model)
    file = {"DATABASE_URL": f"sqlite:///{project.path}/instance/here.db"}
    body = """
uid = __import__("uuid").UUID(int=5)


def upgrade():
    op.create_table("things", sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uid", sa.Uuid(), nullable=False),
        sa.Column("colour", sa.Enum("red", "blue", name="colour"), nullable=False),
        sa.Column("payload", sa.JSON()), sa.Column("said", sa.String(20), nullable=False),
        sa.Column("other_id", sa.Integer()))
    op.create_table("others", sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("thing_id", sa.Integer()),
        sa.ForeignKeyConstraint(["thing_id"], ["things.id"], name="fk_others_thing"))
    with op.batch_alter_table("things") as batch:
        batch.create_foreign_key("fk_things_other", "others", ["other_id"], ["id"])
    op.execute("INSERT INTO things (uid, colour, payload, said) "
        "VALUES ('00000000000000000000000000000005', 'red', '[1]', 'hi')")


def downgrade():
    with op.batch_alter_table("things") as batch:
        batch.drop_constraint("fk_things_other", type_="foreignkey")
    op.drop_table("others")
    op.drop_table("things")
"""
    project.write_revision("things", body)
    project.flask("db", "squash", "--yes", **file)
    project.flask("db", "upgrade")
    assert project.sql("SELECT id, uid::text, colour::text, payload::text, said FROM things") == [
        (1, "00000000-0000-0000-0000-000000000005", "red", "[1]", "hi")
    ]
    project.sql("INSERT INTO things (uid, colour, said) SELECT uid, 'blue', 'ho' FROM things")
    assert project.sql("SELECT max(id) FROM things") == [(2,)]
    assert "No new upgrade operations" in project.flask("db", "check").out


def test_a_table_that_no_model_describes_any_more_is_portable(on: Bake) -> None:
    """The folded revisions end in the middle: the models are those of a later revision."""
    project = on("postgresql")
    created = """
def upgrade():
    op.create_table("old", sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", sa.DateTime(), server_default=sa.func.now(), nullable=False),
        sa.Column("is_new", sa.Boolean(), nullable=False), sa.Column("data", sa.LargeBinary()))
    op.create_index("ix_old_at", "old", ["at"])
    op.execute("INSERT INTO old VALUES (1, '2026-01-01 00:00:00.000000', true, NULL)")


def downgrade():
    op.drop_table("old")
"""
    project.write_revision("created", created)
    project.write_revision("dropped", 'def upgrade():\n    op.drop_table("old")\n')
    file = {"DATABASE_URL": f"sqlite:///{project.path}/instance/here.db"}
    project.flask("db", "squash", "--upto", "created", "--yes", **file)
    baseline = next(path for path in project.versions if "baseline" in path.name)
    assert (
        'op.create_table(\n        "old"' in baseline.read_text()
        and "CREATE TABLE" not in baseline.read_text()
    )
    project.flask("db", "upgrade", "created")
    assert project.sql("SELECT id, is_new, data FROM old") == [(1, True, None)]
    project.flask("db", "upgrade")


@pytest.mark.parametrize(
    ("up", "named"),
    [
        ("CREATE DOMAIN positive AS int CHECK (VALUE > 0)", "type positive"),
        ("CREATE POLICY mine ON tags USING (true)", "policy mine on table tags"),
        ("CREATE RULE no AS ON DELETE TO tags DO INSTEAD NOTHING", "rule no on table tags"),
        ("CREATE TABLE parts (n int) PARTITION BY RANGE (n)", "table parts"),
        ("CREATE TYPE pair AS (a int, b int)", "type pair"),
        ("CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int)", "function total(integer)"),
        ("CREATE STATISTICS both_ ON id, name FROM tags", "statistics object both_"),
    ],
)
def test_what_postgresql_has_and_no_baseline_can_carry_is_named(on: Bake, up: str, named: str) -> None:
    project = on("postgresql")
    sql(project, "special", up)
    result = project.flask("db", "squash", check=False)
    sentence = result.out.splitlines()[-1]
    assert result.returncode == 1
    assert "cannot be carried" in sentence and named in sentence
    assert len(project.versions) == 2


def test_what_postgresql_has_besides_tables_comes_along(on: Bake) -> None:
    project = on("postgresql")
    statements = [
        "CREATE EXTENSION citext",
        "CREATE SCHEMA shop",
        "CREATE FUNCTION shop.checked(t text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT t <> '''''",
        "CREATE TABLE shop.goods (id serial CONSTRAINT pk_goods PRIMARY KEY, name citext "
        "CONSTRAINT ck_goods CHECK (shop.checked(name::text)), UNIQUE NULLS NOT DISTINCT (name))",
        "CREATE FUNCTION late(g shop.goods) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
        "CREATE VIEW first_view AS SELECT id FROM shop.goods",
        "CREATE VIEW second_view AS SELECT id FROM first_view",
        "CREATE OR REPLACE VIEW first_view AS SELECT id FROM shop.goods WHERE id > 0",
        "CREATE MATERIALIZED VIEW kept AS SELECT id FROM second_view",
        "CREATE UNIQUE INDEX ix_kept ON kept (id)",
        "CREATE OR REPLACE FUNCTION late(g shop.goods) RETURNS bigint LANGUAGE sql "
        "AS 'SELECT count(*) FROM second_view'",
        "CREATE PROCEDURE tidy() LANGUAGE plpgsql AS $$ BEGIN DELETE FROM tags; END $$",
        "GRANT SELECT ON tags TO PUBLIC",
        "COMMENT ON VIEW first_view IS 'the first'",
        "COMMENT ON CONSTRAINT uq_tags_name ON tags IS 'no two'",
        "CREATE UNLOGGED TABLE scratch (id int)",
        "ALTER TABLE tags SET (fillfactor = 70)",
        "INSERT INTO shop.goods (name) VALUES ('a'), ('b')",
        "DELETE FROM shop.goods WHERE name = 'b'",
    ]
    for number, statement in enumerate(statements):
        sql(project, f"s{number:02}", statement)
    project.flask("db", "upgrade")
    wanted, rows = catalogue.schema(project), catalogue.rows(project)
    project.flask("db", "squash", "--yes")
    commands = ["rebuild", "--yes-destroy", project.url.rpartition("/")[2]]
    project.run(project.python, "-m", "flask", "db", *commands)
    project.sql("TRUNCATE user_tags, users, tags")
    assert catalogue.schema(project) == wanted
    assert {name: result for name, result in catalogue.rows(project).items() if name in rows} == rows
    assert project.sql("INSERT INTO shop.goods (name) VALUES ('c') RETURNING id") == [(3,)]


def test_killed_at_any_moment_a_squash_can_be_taken_back(project: BakedProject) -> None:
    moments, back = project.run(project.python, KILLED, PYTHONPATH=str(project.path)).out.split()
    assert int(moments) > 8 and int(back) > 8


def test_after_a_commit_the_archive_can_go(project: BakedProject) -> None:
    git(project, "init", "--quiet", ".")
    add(project, "one")
    commit(project, "v1.0")
    project.make("squash")
    commit(project, "v2.0")
    shutil.rmtree(project.path / "migrations" / "archive")
    project.make("db")
    assert "nothing to undo" in project.flask_fails("db", "squash", "--undo")
    (baseline,) = project.versions
    assert 'release = "v1.0"' in baseline.read_text()


CIRCLE = """
def upgrade():
    op.execute("CREATE TABLE ones (id INTEGER NOT NULL, two_id INTEGER, parent_id INTEGER, "
        "CONSTRAINT pk_ones PRIMARY KEY (id), CONSTRAINT fk_ones_parent FOREIGN KEY (parent_id) "
        "REFERENCES ones (id)){1}")
    op.execute("CREATE TABLE twos (id INTEGER NOT NULL{0}, one_id INTEGER, "
        "CONSTRAINT pk_twos PRIMARY KEY (id), "
        "CONSTRAINT fk_twos_one FOREIGN KEY (one_id) REFERENCES ones (id)){1}")
    with op.batch_alter_table("ones") as batch:
        batch.create_foreign_key("fk_ones_two", "twos", ["two_id"], ["id"])
    op.execute("INSERT INTO ones (id) VALUES (2)")
    op.execute("INSERT INTO ones (id, parent_id) VALUES (1, 2)")
    op.execute("INSERT INTO twos VALUES (7, 1)")
    op.execute("UPDATE ones SET two_id = 7")


def downgrade():
    with op.batch_alter_table("ones") as batch:
        batch.drop_constraint("fk_ones_two", type_="foreignkey")
    op.drop_table("twos")
    op.drop_table("ones")
"""


@pytest.mark.parametrize(
    ("engine", "check", "versioned"),
    [
        ("sqlite", "", ""),
        ("postgresql", "", ""),
        ("mariadb", "", ""),
        # What only the engine's own words can say.
        ("sqlite", " CHECK (id > 0)", ""),
        ("mariadb", "", " WITH SYSTEM VERSIONING"),
    ],
)
def test_tables_and_rows_that_refer_to_one_another(on: Bake, engine: str, check: str, versioned: str) -> None:
    project = on(engine)
    project.write_revision("circle", CIRCLE.format(check, versioned))
    project.flask("db", "upgrade")
    wanted, rows = catalogue.schema(project), catalogue.rows(project)
    project.flask("db", "squash", "--yes")
    fresh = beside(project, "fresh")
    fresh.flask("db", "upgrade")
    assert catalogue.schema(fresh) == wanted
    assert catalogue.rows(fresh) == rows
    fresh.flask("db", "downgrade", "base", "--yes")
    assert catalogue.rows(fresh) == {}


def test_a_database_that_would_be_left_inside_is_migrated_first(project: BakedProject) -> None:
    project.make("db")
    add(project, "one")
    sentence = project.flask_fails("db", "squash")
    assert "3f1d9a62c0b7, which would be folded" in sentence and "`make migrate` first" in sentence
    project.make("migrate")
    project.make("squash")


def test_what_differs_between_engines_is_asked_about(project: BakedProject) -> None:
    body = """
def upgrade():
    if op.get_context().dialect.name == "sqlite":
        op.execute("CREATE TRIGGER t AFTER INSERT ON tags BEGIN SELECT 1; END")


def downgrade():
    op.execute("DROP TRIGGER t")
"""
    project.write_revision("one", body)
    result = project.flask("db", "squash", check=False)
    assert result.returncode == 1 and "only those on SQLite are kept" in result.out
    project.flask("db", "squash", "--yes")
    (baseline,) = project.versions
    assert 'if op.get_context().dialect.name == "sqlite":' in baseline.read_text()
    project.make("db")
    assert project.sql("SELECT name FROM sqlite_master WHERE type = 'trigger'") == [("t",)]
