"""Tables that a revision creates and no model has: left alone by name, or because they belong to a table."""

import pytest
from histories import ENGINES, some, write_revision

HELPER = """
def upgrade():
    op.create_table("user", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("CREATE TABLE helper_queue (id INT)")
def downgrade():
    op.execute("DROP TABLE helper_queue")
    op.drop_table("user")
"""
USER = "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
PARTITIONS = """
def upgrade():
    op.create_table(
        "event",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Date, nullable=False),
        postgresql_partition_by="RANGE (at)",
    )
    op.execute("CREATE TABLE event_2026 PARTITION OF event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')")
    op.execute("CREATE TABLE event_rest PARTITION OF event DEFAULT")
def downgrade():
    op.drop_table("event")
"""
EVENT = """
class Event(db.Model):
    __table__ = db.Table(
        "event",
        db.metadata,
        db.Column("id", db.Integer, nullable=False),
        db.Column("at", db.Date, nullable=False),
        postgresql_partition_by="RANGE (at)",
    )
    __mapper_args__ = {"primary_key": [__table__.c.id]}
"""
SEARCH = """
def upgrade():
    op.create_table("user", sa.Column("id", sa.Integer, primary_key=True))
    # safe: a new table
    op.execute("CREATE VIRTUAL TABLE notes USING fts5(body)")
def downgrade():
    # safe: a table of the search
    op.execute("DROP TABLE notes")
    op.drop_table("user")
"""
FILTERS = [
    'include_object=lambda item, name, kind, *_: kind != "table" or not name.startswith("helper_")',
    'include_name=lambda name, kind, _: kind != "table" or not name.startswith("helper_")',
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("argument", FILTERS, ids=["include_object", "include_name"])
def test_F18_a_filter_of_the_application_leaves_a_table_alone(project_on, engine, argument):
    project = project_on(engine)
    project.models, project.arguments = USER, argument
    path = write_revision(project, "start", HELPER)
    path.write_text(path.read_text().replace("    op.execute(", "    # safe: a queue\n    op.execute("))
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "✗" not in project.flask("verify")


@pytest.mark.parametrize("engine", some(ENGINES, ENGINES, "F18: it only offers to drop the table"))
def test_F18_the_question_says_how_to_leave_a_table_alone(project_on, engine):
    project = project_on(engine)
    project.models = USER
    write_revision(project, "start", HELPER)
    sentence = project.fails("new", "-m", "nothing")
    assert "helper_queue" in sentence
    assert "include_object" in sentence or "leave" in sentence.lower()


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="F18: each partition is to be dropped")
def test_F18_partitions_belong_to_their_table(project_on):
    project = project_on("postgresql")
    project.models = EVENT
    path = write_revision(project, "start", PARTITIONS)
    path.write_text(path.read_text().replace("    op.execute(", "    # safe: a partition\n    op.execute("))
    project.flask("upgrade")
    project.sql("CREATE TABLE event_2027 PARTITION OF event FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "✗" not in project.flask("verify")


@pytest.mark.xfail(strict=True, raises=AssertionError, reason="F18: its parts are to be dropped")
def test_F18_the_parts_of_a_virtual_table_belong_to_it(project_on):
    """SQLite's full-text search keeps its index in five tables of its own."""
    project = project_on("sqlite")
    project.models = USER
    project.arguments = FILTERS[0].replace('startswith("helper_")', '__eq__("notes")')
    write_revision(project, "start", SEARCH)
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


@pytest.mark.xfail(
    strict=True,
    raises=AssertionError,
    reason="F18: `verify` looks at all tables",
)
def test_F18_verify_demands_no_names_in_a_table_that_is_left_alone(project_on):
    project = project_on("sqlite")
    project.models, project.arguments = USER, FILTERS[0]
    body = HELPER.replace("(id INT)", "(id INT PRIMARY KEY)")
    write_revision(project, "start", body.replace("    op.execute(", "    # safe: a queue\n    op.execute("))
    printed = project.run("verify").output
    assert "helper_queue" not in printed
