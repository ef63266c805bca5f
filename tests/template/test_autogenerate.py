"""What is compared besides models and revisions, end to end; the changes themselves are in matrix.py."""

import pytest
from project import Bake, BakedProject, rewrite

MODELS = """
from sqlalchemy import CheckConstraint, Column, Computed, Enum, ForeignKey, Integer, Sequence, String, Table
from sqlalchemy import BigInteger, func
from ..database import db

"""


def models(project: BakedProject, text: str) -> None:
    rewrite(project.models / "tables.py", MODELS + text)


@pytest.fixture
def empty(anywhere: BakedProject) -> BakedProject:
    """A project whose database stands at the newest revision."""
    anywhere.make("db")
    return anywhere


def test_several_changes_with_make(empty: BakedProject) -> None:
    models(
        empty,
        "Table('mugs', db.metadata, Column('id', Integer, primary_key=True),"
        " Column('size', Integer, server_default='1'), Column('mood', Enum('a', 'b', name='mood')),"
        " CheckConstraint('size > 0', name='size'))",
    )
    empty.revise("mugs")
    empty.make("migrate")
    empty.sql("INSERT INTO mugs (id, mood) VALUES (1, 'b')")
    models(
        empty,
        "Table('mugs', db.metadata, Column('id', Integer, primary_key=True),"
        " Column('size', Integer, server_default='2'), Column('mood', Enum('a', 'b', 'c', name='mood')),"
        " CheckConstraint('size >= 0', name='size'))",
    )
    empty.revise("larger mugs")
    empty.make("migrate")
    empty.sql("INSERT INTO mugs (id, mood) VALUES (2, 'c')")
    assert empty.sql("SELECT id, size, mood FROM mugs ORDER BY id") == [(1, 1, "b"), (2, 2, "c")]
    empty.sql("DELETE FROM mugs WHERE id = 2")
    empty.make("rollback")
    assert empty.sql("SELECT id, size, mood FROM mugs") == [(1, 1, "b")]
    empty.make("migrate")
    assert "No new upgrade operations" in empty.flask("db", "check").out


def test_H33_a_table_of_another_application_is_no_difference(empty: BakedProject) -> None:
    empty.sql("CREATE TABLE theirs (id INTEGER PRIMARY KEY)")
    assert "No new upgrade operations" in empty.flask("db", "check").out


def test_H33_what_an_extension_brings_along_is_not_dropped(bake: Bake, postgresql) -> None:
    project = bake(database="postgresql")
    project.env["DATABASE_URL"] = postgresql.url("with_extension_dev")
    project.make("db")
    project.write_revision(
        "extension",
        "def upgrade():\n"
        '    op.execute("CREATE EXTENSION citext")\n'
        '    op.execute("CREATE TABLE theirs (id integer)")\n'
        '    op.execute("ALTER EXTENSION citext ADD TABLE theirs")\n\n\n'
        "def downgrade():\n"
        '    op.execute("DROP EXTENSION citext")\n',
    )
    project.make("migrate")
    assert "Nothing to migrate" in project.make("newmigration", "m=nothing").out


def test_H42_a_string_without_length_is_refused_where_there_is_none(bake: Bake, mariadb) -> None:
    project = bake(database="mariadb")
    project.env["DATABASE_URL"] = mariadb.url("lint_dev")
    project.make("db")
    models(
        project, "Table('mugs', db.metadata, Column('id', Integer, primary_key=True), Column('x', String))"
    )
    output = project.flask_fails("db", "new", "-m", "mugs")
    assert output.startswith("Error: Column mugs.x cannot be made on MariaDB: VARCHAR requires a length")


def test_H42_a_key_that_does_not_count_up_on_sqlite_is_reported(bake: Bake) -> None:
    project = bake()
    project.make("db")
    models(project, "Table('mugs', db.metadata, Column('id', BigInteger, primary_key=True))")
    assert 'BigInteger().with_variant(Integer, "sqlite") does' in project.make("newmigration", "m=mugs").out


def test_H27_a_refusal_says_what_to_write(empty: BakedProject) -> None:
    start = "Table('mugs', db.metadata, Column('id', Integer, primary_key=True), Column('x', Integer)"
    models(empty, f"{start}, Column('y', Integer, Computed('x * 2', persisted=True)))")
    empty.revise("mugs")
    models(empty, f"{start}, Column('y', Integer, Computed('x * 3', persisted=True)))")
    output = empty.flask_fails("db", "new", "-m", "mugs")
    assert output.startswith("Error: Column mugs.y has changed in how it is computed, which is not written")
    assert 'flask db revision -m "…"' in output
