"""Tables that a revision creates and no model has: left alone by name, or because they belong to a table."""

import re

import pytest
from histories import ENGINES, write_revision
from sqlalchemy import create_engine, inspect

from flask_safe_migrations.backends.sqlite.introspection import shadow_tables

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


@pytest.mark.parametrize("engine", ENGINES)
def test_F18_the_question_says_how_to_leave_a_table_alone(project_on, engine):
    project = project_on(engine)
    project.models = USER
    write_revision(project, "start", HELPER)
    sentence = project.fails("new", "-m", "nothing")
    project.arguments = re.search(r"Migrate\(…, (include_name=.+)\)\.$", sentence)[1]
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


def test_F18_a_partition_in_another_schema_belongs_to_its_table(project_on):
    """A table of the same name in the default schema is no partition."""
    project = project_on("postgresql")
    project.models = EVENT.replace("postgresql_partition_by", 'schema="log", postgresql_partition_by')
    schema = PARTITIONS.replace("postgresql_partition_by", 'schema="log", postgresql_partition_by')
    schema = schema.replace(
        "    op.create_table(", '    op.execute("CREATE SCHEMA log")\n    op.create_table('
    )
    schema = schema.replace("TABLE event_", "TABLE log.event_").replace("OF event", "OF log.event")
    write_revision(project, "start", schema)
    write_revision(project, "other", 'def upgrade():\n    op.execute("CREATE TABLE event_2026 (id INT)")\n')
    sentence = project.fails("new", "-m", "nothing")
    assert "longer have table event_2026;" in sentence


def test_F18_partitions_belong_to_their_table(project_on):
    project = project_on("postgresql")
    project.models = EVENT
    path = write_revision(project, "start", PARTITIONS)
    path.write_text(path.read_text().replace("    op.execute(", "    # safe: a partition\n    op.execute("))
    project.flask("upgrade")
    project.sql("CREATE TABLE event_2027 PARTITION OF event FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "✗" not in project.flask("verify")


def test_F18_the_parts_of_a_virtual_table_belong_to_it(project_on):
    """SQLite's full-text search keeps its index in five tables of its own."""
    project = project_on("sqlite")
    project.models = USER
    project.arguments = FILTERS[0].replace('startswith("helper_")', '__eq__("notes")')
    write_revision(project, "start", SEARCH)
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


@pytest.mark.parametrize("module", ["fts5(body)", "fts4(body)", "rtree(id, low, high)"])
@pytest.mark.parametrize("has_table_list", [True, False])
def test_F18_shadow_tables_of_sqlite(module, has_table_list):
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE other_data (id INT)")
        connection.exec_driver_sql("CREATE TABLE notes_more (id INT)")
        before = set(inspect(connection).get_table_names())
        connection.exec_driver_sql(f"CREATE VIRTUAL TABLE notes USING {module}")
        made = set(inspect(connection).get_table_names()) - before - {"notes"}
        assert len(made) >= 3
        assert shadow_tables(connection, has_table_list=has_table_list) == made


def test_F18_no_sample_rows_for_the_parts_of_a_virtual_table(project_on):
    """A row in the index of a full-text search would make it malformed."""
    project = project_on("sqlite")
    project.models = USER
    project.arguments = FILTERS[0].replace('startswith("helper_")', '__eq__("notes")')
    write_revision(project, "start", SEARCH.replace("DROP TABLE notes", "DROP TABLE notes -- notes_data"))
    change = """
def upgrade():
    # safe: notes_data notes_idx notes_content notes_docsize notes_config
    op.execute("INSERT INTO notes (body) VALUES ('one')")
    op.execute("INSERT INTO notes (notes) VALUES ('integrity-check')")
def downgrade():
    # safe: the search
    op.execute("DELETE FROM notes")
"""
    write_revision(project, "change", change)
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
    assert "✗" not in project.flask("verify")


def test_F18_verify_demands_no_names_in_a_table_that_is_left_alone(project_on):
    project = project_on("sqlite")
    project.models, project.arguments = USER, FILTERS[0]
    body = HELPER.replace("(id INT)", "(id INT PRIMARY KEY)")
    write_revision(project, "start", body.replace("    op.execute(", "    # safe: a queue\n    op.execute("))
    printed = project.run("verify").output
    assert "helper_queue" not in printed
