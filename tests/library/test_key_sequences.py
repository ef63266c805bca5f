"""PostgreSQL: the sequence of a key has the type of the key."""

import pytest
from histories import newest, write_revision

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


stays = pytest.mark.xfail(strict=True, raises=AssertionError, reason="F16: the sequence keeps its type")


@pytest.mark.parametrize(
    ("old", "new", "type_", "last", "identity"),
    [
        pytest.param("Integer", "BigInteger", "bigint", 2**31 - 1, "", marks=stays),
        pytest.param("SmallInteger", "Integer", "integer", 2**15 - 1, "", marks=stays),
        ("Integer", "BigInteger", "bigint", 2**31 - 1, "Identity()"),
    ],
)
def test_F16_the_sequence_goes_along_with_the_key(project_on, old, new, type_, last, identity):
    project = widened(project_on, old, new, identity)
    assert project.sql(SEQUENCE) == [(type_,)]
    project.sql(f"SELECT setval('item_id_seq', {last})")
    assert project.sql("INSERT INTO item DEFAULT VALUES RETURNING id") == [(last + 1,)]
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="F16: the sequence keeps its type")
def test_F16_the_sequence_goes_back_with_the_key(project_on):
    project = widened(project_on, "Integer", "BigInteger")
    assert project.sql(SEQUENCE) == [("bigint",)]
    project.flask("downgrade", "--yes")
    assert project.sql(SEQUENCE) == [("integer",)]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="F16: Alembic warns that autoincrement only makes sense for MySQL, in each command that runs it",
)
def test_F16_no_warning_of_alembic_is_shown(project_on):
    project = widened(project_on, "Integer", "BigInteger")
    assert "autoincrement" not in newest(project).read_text()
    project.flask("downgrade", "--yes")


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="F16: Alembic omits the default of INTEGER and BIGINT keys only",
)
def test_F16_a_key_of_a_small_type_is_proved(project_on):
    project = project_on("postgresql")
    project.models = MODEL.format(type="SmallInteger", identity="")
    assert "Proved: up, down and up again" in project.flask("new", "-m", "items")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
