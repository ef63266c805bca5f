"""Quotes in values and in stored objects."""

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
