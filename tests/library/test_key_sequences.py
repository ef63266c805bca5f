"""PostgreSQL: the sequence of a key has the type of the key."""

import pytest
from histories import ENGINES, newest, write_revision

START = """
def upgrade():
    op.create_table("item", sa.Column("id", sa.{type}, {identity}primary_key=True))
def downgrade():
    op.drop_table("item")
"""
MODEL = """
class Item(db.Model):
    id = db.Column(db.{type}, {identity}primary_key=True)
"""
SEQUENCE = "SELECT data_type FROM pg_sequences WHERE sequencename = 'item_id_seq'"


def widened(project_on, old, new, identity=""):
    """Apply a revision that changes the type of a key, as `flask db new` writes it."""
    project = project_on("postgresql")
    write_revision(project, "start", START.format(type=old, identity=identity and f"sa.{identity}, "))
    project.flask("upgrade")
    project.models = MODEL.format(type=new, identity=identity and f"db.{identity}, ")
    project.flask("new", "-m", "wider")
    project.flask("upgrade")
    return project


@pytest.mark.parametrize(
    ("old", "new", "type_", "last", "identity"),
    [
        ("Integer", "BigInteger", "bigint", 2**31 - 1, ""),
        ("SmallInteger", "Integer", "integer", 2**15 - 1, ""),
        ("Integer", "BigInteger", "bigint", 2**31 - 1, "Identity()"),
    ],
)
def test_F16_the_sequence_goes_along_with_the_key(project_on, old, new, type_, last, identity):
    project = widened(project_on, old, new, identity)
    assert project.sql(SEQUENCE) == [(type_,)]
    project.sql(f"SELECT setval('item_id_seq', {last})")
    assert project.sql("INSERT INTO item DEFAULT VALUES RETURNING id") == [(last + 1,)]
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


def test_F16_the_sequence_goes_back_with_the_key(project_on):
    project = widened(project_on, "Integer", "BigInteger")
    assert project.sql(SEQUENCE) == [("bigint",)]
    project.flask("downgrade", "--yes")
    assert project.sql(SEQUENCE) == [("integer",)]


@pytest.mark.filterwarnings("error::UserWarning")
def test_F16_no_warning_of_alembic_is_shown(project_on):
    project = widened(project_on, "Integer", "BigInteger")
    assert "autoincrement" not in newest(project).read_text()
    project.flask("downgrade", "--yes")


def test_F16_a_key_of_a_small_type_is_proved(project_on):
    project = project_on("postgresql")
    project.models = MODEL.format(type="SmallInteger", identity="")
    assert "Proved: up, down and up again" in project.flask("new", "-m", "items")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


def test_F16_the_sequence_of_a_table_in_a_schema(project_on):
    project = project_on("postgresql")
    arguments = "__table_args__ = {'schema': 'My log'}"
    project.models = f"{MODEL.format(type='Integer', identity='')}    {arguments}\n"
    project.flask("new", "-m", "items")
    project.flask("upgrade")
    project.models = f"{MODEL.format(type='BigInteger', identity='')}    {arguments}\n"
    assert "Proved: up, down and up again" in project.flask("new", "-m", "wider")
    project.flask("upgrade")
    assert project.sql(SEQUENCE) == [("bigint",)]


def test_F16_a_column_without_a_sequence(project_on):
    """No sequence counts a key that refers to another, or a text."""
    project = project_on("postgresql")
    model = (
        MODEL
        + """
class Note(db.Model):
    id = db.Column(db.ForeignKey("item.id"), primary_key=True)
    number = db.Column(db.{type})
"""
    )
    project.models = model.format(type="Integer", identity="")
    project.flask("new", "-m", "items")
    project.models = model.format(type="BigInteger", identity="")
    project.flask("new", "-m", "wider")
    assert newest(project).read_text().count("ALTER SEQUENCE item_id_seq AS BIGINT") == 1
    assert newest(project).read_text().count("ALTER SEQUENCE") == 2  # and back


OLD = """
def upgrade():
    with op.batch_alter_table("item") as batch_op:
        batch_op.alter_column(
            "nick", existing_type=sa.String(10), new_column_name="name", autoincrement=False
        )
def downgrade():
    with op.batch_alter_table("item") as batch_op:
        batch_op.alter_column(
            "name", existing_type=sa.String(10), new_column_name="nick", existing_autoincrement=True
        )
"""


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("engine", ENGINES)
def test_F16_no_warning_about_a_revision_for_mariadb(project_on, engine):
    project = project_on(engine)
    start = START.format(type="Integer", identity="")
    write_revision(
        project,
        "start",
        start.replace("primary_key=True)", 'primary_key=True), sa.Column("nick", sa.String(10))'),
    )
    write_revision(project, "rename", OLD)
    project.flask("upgrade")
    project.flask("downgrade", "--yes")
