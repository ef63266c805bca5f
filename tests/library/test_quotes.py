"""Quotes in values and in stored objects."""

from urllib.parse import quote_plus

import pytest
from histories import ITEM, newest, write_revision

from flask_safe_migrations.backends.mysql.introspection import LITERAL_OR_PLAIN_NAME

VIEW = """
def upgrade():
    op.execute("CREATE OR REPLACE VIEW named AS SELECT id, '{quote}a{quote}' AS a FROM item")
def downgrade():
    {back}
"""


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT `a` FROM `my item`", "SELECT a FROM `my item`"),
        ("SELECT '`a`', \"`a`\", `a`", "SELECT '`a`', \"`a`\", a"),
        (r"SELECT 'it''s `a`', 'it\'s `a`', `a`", r"SELECT 'it''s `a`', 'it\'s `a`', a"),
    ],
)
def test_smaller_backquotes_in_a_literal_stay(sql, expected):
    assert LITERAL_OR_PLAIN_NAME.sub(r"\1\2", sql) == expected


def test_smaller_a_view_that_differs_in_the_backquotes_of_a_literal(project_on):
    project = project_on("mariadb")
    project.models = (
        "class Item(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        "    name = db.Column(db.String(80))\n"
    )
    write_revision(project, "start", ITEM)
    write_revision(project, "view", VIEW.format(quote="`", back='op.execute("DROP VIEW named")'))
    unquoted = "op.execute(\"CREATE OR REPLACE VIEW named AS SELECT id, 'a' AS a FROM item\")"
    path = write_revision(project, "other", VIEW.format(quote="", back="pass"))
    assert "the downgrade does not restore the schema" in project.fails("new", "--prove")
    back = unquoted.replace("'a'", "'`a`'")
    path.write_text(path.read_text().replace("    pass", f"    {back}"))
    assert "Proved: up, down and up again" in project.flask("new", "--prove")


ENUM = """
def upgrade():
    mood = sa.Enum("happy", name="mood")
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True), sa.Column("mood", mood))
def downgrade():
    op.drop_table("item")
    op.execute("DROP TYPE mood")
"""


def test_smaller_a_new_enum_value_with_a_quote_that_is_a_default(project_on):
    """PostgreSQL uses no value in the transaction that has added it, so the type is made again."""
    project = project_on("postgresql")
    write_revision(project, "start", ENUM)
    project.models = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    mood = db.Column(db.Enum("happy", "it's", name="mood"), server_default=db.text("'it''s'"))
"""
    assert "Proved: up, down and up again" in project.flask("new", "-m", "it's")
    assert "ADD VALUE" not in newest(project).read_text()
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


BEFORE = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20))
    data = db.Column(db.JSON)
    __table_args__ = (db.Index("ix_name", db.text("name DESC"), "id"),)
"""
AFTER = BEFORE.replace("20))", "20), unique=True)").replace("JSON)", "JSON, comment='x')")


@pytest.mark.parametrize("how", ["connect_args", "url"])
def test_names_in_the_double_quotes_of_mariadb(project_on, how):
    """With ANSI_QUOTES the server reports names in them. SQLAlchemy asks for that when it first connects."""
    project = project_on("mariadb")
    command = "SET SESSION sql_mode = 'ANSI_QUOTES,STRICT_ALL_TABLES'"
    if how == "url":
        project.config["SQLALCHEMY_DATABASE_URI"] += f"?init_command={quote_plus(command)}"
    else:
        project.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"init_command": command}}
    project.models = BEFORE
    assert "Proved: up, down and up again" in project.flask("new", "-m", "first")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.models = AFTER
    assert "Proved: up, down and up again" in project.flask("new", "-m", "second")
    project.sql("INSERT INTO item (name) VALUES ('a'), ('a')")
    assert "item.name occurs more than once" in project.fails("upgrade")
    project.sql("DELETE FROM item WHERE id = 2")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "Proved on MariaDB" in project.flask("squash", "--yes")
