"""MariaDB: columns that SQLAlchemy does not reflect as they are, or that Alembic does not change."""

import pytest
from histories import write_revision

MODEL = """
from sqlalchemy.dialects import mysql

class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
"""
FULL_TEXT = '__table_args__ = (db.Index("ix_text", {}, mysql_prefix="FULLTEXT", mariadb_prefix="FULLTEXT"),)'
# The columns before and after, answers, rows, and what SHOW CREATE TABLE then says.
CHANGES = {
    "JSON, a LONGTEXT with a CHECK": (
        """
        required = db.Column(db.JSON)
        text = db.Column(db.JSON)
        json = db.Column(db.Text)
        """,
        """
        required = db.Column(db.JSON, nullable=False, comment="100% it's")
        text = db.Column(mysql.LONGTEXT)
        json = db.Column(db.JSON, server_default="{}")
        """,
        ["--default", "item.required={}"],
        "INSERT INTO item (required, text, json) VALUES ('[1]', '{}', '[]')",
        (
            "`required` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL "
            "COMMENT '100% it''s' CHECK (json_valid(`required`))",
            "`json` longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin DEFAULT '{}' "
            "CHECK (json_valid(`json`))",
        ),
    ),
    "INET": (
        """
        address = db.Column(db.String(40))
        other = db.Column(mysql.INET6)
        """,
        """
        address = db.Column(mysql.INET6)
        other = db.Column(mysql.INET6, nullable=False)
        more = db.Column(mysql.INET4)
        """,
        ["--default", "item.other=::1"],
        "INSERT INTO item (address, other) VALUES ('::7', 'fe80::1')",
        ("`address` inet6 DEFAULT NULL", "`other` inet6 NOT NULL", "`more` inet4 DEFAULT NULL"),
    ),
    "a generated column": (
        """
        a = db.Column(db.Integer)
        stored = db.Column(db.Integer, db.Computed("a + 1", persisted=True), index=True)
        text = db.Column(db.String(30), db.Computed("concat(a, ' 100%')"), comment="one")
        """,
        """
        a = db.Column(db.Integer)
        stored = db.Column(db.BigInteger, db.Computed("a + 1", persisted=True), index=True)
        text = db.Column(db.String(40), db.Computed("concat(a, ' 100%')"), comment="two")
        """,
        [],
        "INSERT INTO item (a) VALUES (1)",
        (
            "`stored` bigint(20) GENERATED ALWAYS AS (`a` + 1) STORED",
            "`text` varchar(40) GENERATED ALWAYS AS (concat(`a`,' 100%')) VIRTUAL COMMENT 'two'",
        ),
    ),
    "a full-text index, which no temporary table has": (
        f"""
        a = db.Column(db.String(20), server_default="x")
        b = db.Column(db.Text)
        {FULL_TEXT.format('"a"')}
        """,
        f"""
        a = db.Column(db.String(20), server_default="y")
        b = db.Column(mysql.LONGTEXT)
        {FULL_TEXT.format('"a", "b"')}
        """,
        [],
        "INSERT INTO item (a) VALUES ('text')",
        ("`a` varchar(20) DEFAULT 'y'", "`b` longtext DEFAULT NULL", "FULLTEXT KEY `ix_text` (`a`,`b`)"),
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_column_is_compared_and_changed(project_on, name):
    before, after, given, rows, wanted = CHANGES[name]
    project = project_on("mariadb")
    project.models = MODEL + before.replace("\n        ", "\n    ")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.sql(rows)
    first = project.sql("SHOW CREATE TABLE item")
    project.models = MODEL + after.replace("\n        ", "\n    ")
    out = project.flask("new", "-m", "second", *given)
    assert "Proved: up, down and up again" in out and "could not be compared" not in out
    project.flask("upgrade")
    ((_, create),) = project.sql("SHOW CREATE TABLE item")
    assert [line for line in wanted if line not in create] == []
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.flask("downgrade", "--yes")
    assert project.sql("SHOW CREATE TABLE item") == first


NOT_NUMBERED = """
def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True, autoincrement=False))
def downgrade():
    op.drop_table("item")
"""
NUMBERED = """
def upgrade():
    op.alter_column("item", "id", existing_type=sa.Integer(), existing_nullable=False, autoincrement=True)
def downgrade():
    op.alter_column("item", "id", existing_type=sa.Integer(), existing_nullable=False, autoincrement=False)
"""


def test_a_key_that_is_to_be_numbered_is_not_overlooked(project_on):
    """As after a change of its type by stock Alembic, which forgets AUTO_INCREMENT."""
    project = project_on("mariadb")
    project.models = MODEL
    write_revision(project, "start", NOT_NUMBERED)
    assert "Column item.id has become AUTO_INCREMENT" in project.fails("new", "-m", "numbered")
    out = project.run("verify").output
    assert "has become AUTO_INCREMENT" in out and "writes the revision that does this" not in out
    write_revision(project, "numbered", NUMBERED)
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
