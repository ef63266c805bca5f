"""MariaDB: of a revision that stopped half-way, no row is skipped and no changed value is accepted."""

import pytest
from histories import edit, list_revisions, write_revision

STOPPED = """
def upgrade():
    token = sa.table("token", sa.column("value"), sa.column("at"))
    op.create_table("token", sa.Column("value", sa.String(40)), sa.Column("at", sa.DateTime))
    {statement}
    op.create_table("other", sa.Column("id", sa.Integer))
    1 / 0
def downgrade():
    op.drop_table("other")
    op.drop_table("token")
"""


CHANGED_VALUES = """
NAMES = ["a"]
def rows():
    return [{"value": name, "at": datetime.datetime.now()} for name in NAMES]
""" + STOPPED.replace("{statement}", "op.bulk_insert(token, rows())")


@pytest.mark.parametrize(
    "changed",
    [('["a"]', '["b"]'), ("datetime.now()", "datetime(2020, 1, 1)"), ("token, rows()", "token, rows() * 2")],
)
def test_F11_the_code_of_values_that_have_been_written_must_not_change(started, changed):
    """The statement has the same text and as many values, and one of them differs in each run."""
    project = started("mariadb")
    path = write_revision(project, "half", CHANGED_VALUES)
    project.fails("upgrade")
    before = project.sql("SELECT value, at FROM token")
    edit(path, "1 / 0", "pass")
    text = path.read_text()
    edit(path, *changed)
    list_revisions(project)
    assert "has changed in its file since" in project.fails("upgrade")
    path.write_text("# A comment is no change.\n" + text)
    list_revisions(project)
    project.flask("upgrade")
    assert project.sql("SELECT value, at FROM token") == before


@pytest.mark.parametrize(
    "update",
    [
        "item.update().where(item.c.id == key).values(at=datetime.datetime.now())",
        "f\"UPDATE item SET at = '{datetime.datetime.now()}' WHERE id = {key}\"",
    ],
)
def test_F11_a_row_that_has_not_been_changed_is_not_skipped(started, update):
    """The keys come from the database, and each DDL statement commits the change of one row.

    Rows that have come since are not among them: what the revision reads is what it has read.
    """
    project = started("mariadb")
    project.sql("INSERT INTO item (id) VALUES (1), (2)")
    path = write_revision(
        project,
        "half",
        f"""
def upgrade():
    op.execute("ALTER TABLE item ADD COLUMN at DATETIME")
    item = sa.table("item", sa.column("id"), sa.column("at"))
    query = sa.select(item.c.id).where(item.c.at.is_(None)).order_by(item.c.id)
    for key in op.get_bind().scalars(query).all():
        op.execute({update})
        op.execute("ALTER TABLE item COMMENT 'x'")
        1 / 0
""",
    )
    project.fails("upgrade")
    edit(path, "1 / 0", "pass")
    list_revisions(project)
    first = project.sql("SELECT at FROM item WHERE id = 1")
    project.sql("INSERT INTO item (id) VALUES (3)")
    project.flask("upgrade")
    assert project.sql("SELECT id FROM item WHERE at IS NULL") == [(3,)]
    assert project.sql("SELECT at FROM item WHERE id = 1") == first
