"""A revision that stopped half-way on MariaDB has a way on and a way back; ids that cannot be stored."""

import re

import pytest
from histories import ENGINES, edit, list_revisions, stored_revision, tables, write_revision

HALF = """
def add(value):
    op.execute(f"INSERT INTO token (value) VALUES ('{{value}}')")


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
LONG = "add_the_phone_number_of_the_customer"  # 36 characters; alembic_version has 32
TABLE = """
def upgrade():
    op.create_table("phone", sa.Column("id", sa.Integer))
def downgrade():
    op.drop_table("phone")
"""


@pytest.mark.parametrize(
    "statement",
    [
        'op.bulk_insert(token, [{"value": str(uuid.uuid4()), "at": datetime.datetime.now()}])',
        'op.execute(token.insert().values(value="a", at=datetime.datetime.now()))',
        """op.execute(f"INSERT INTO token (value) VALUES ('{uuid.uuid4()}')")""",
        """op.execute("INSERT INTO token (value) VALUES ('a')")""",
        "add(str(uuid.uuid4()))",
        """[op.execute(token.insert().values(value=str(uuid.uuid4()))) for _ in "a"]""",
    ],
)
def test_F11_a_value_that_differs_in_each_run_does_not_prevent_resuming(started, statement):
    project = started("mariadb")
    path = write_revision(project, "half", HALF.format(statement=statement))
    project.fails("upgrade")
    before = project.sql("SELECT value, at FROM token")
    assert len(before) == 1
    edit(path, "1 / 0", "pass")
    list_revisions(project)
    project.flask("upgrade")
    assert project.sql("SELECT value, at FROM token") == before
    assert stored_revision(project) == "half"


@pytest.mark.parametrize(
    "changed",
    [
        ("VALUES ('a')", "VALUES ('b')"),
        ('sa.Column("at"', 'sa.Column("since"'),
        ("INSERT INTO token (value) VALUES ('a')", "DELETE FROM token"),
    ],
)
def test_F11_a_statement_that_has_run_must_still_not_change(started, changed):
    project = started("mariadb")
    path = write_revision(
        project, "half", HALF.format(statement="""op.execute("INSERT INTO token (value) VALUES ('a')")""")
    )
    project.fails("upgrade")
    edit(path, "1 / 0", "pass")
    edit(path, *changed)
    list_revisions(project)
    assert "has changed in its file since" in project.fails("upgrade")
    assert project.sql("SELECT value, at FROM token") == [("a", None)]


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        ("add(str(uuid.uuid4()))", ("add(str(", "add('x' + str(")),
        ("add(str(uuid.uuid4()))", ("INTO token (value)", "INTO token (token.value)")),
        ("prefix = 'a'\n    add(prefix + str(uuid.uuid4()))", ("prefix = 'a'", "prefix = 'b'")),
    ],
    ids=["the call", "the function that is called", "a statement before it"],
)
def test_F11_the_source_of_a_value_must_not_change(started, statement, changed):
    project = started("mariadb")
    path = write_revision(project, "half", HALF.format(statement=statement))
    project.fails("upgrade")
    before = project.sql("SELECT value FROM token")
    edit(path, "1 / 0", "pass")
    edit(path, *changed)
    list_revisions(project)
    assert "has changed in its file since" in project.fails("upgrade")
    edit(path, *reversed(changed))
    edit(path, '    op.create_table("other"', '    # the rest\n\n    op.create_table("other"')
    list_revisions(project)
    project.flask("upgrade")
    assert project.sql("SELECT value FROM token") == before


def says_how_long(sentence):
    return LONG in sentence and re.search(r"\b32\b", sentence) and "UPDATE" not in sentence


@pytest.mark.parametrize("engine", ENGINES)
def test_F12_an_id_that_cannot_be_stored_is_refused_before_it_runs(started, engine):
    project = started(engine)
    write_revision(project, LONG, TABLE).rename(project.migrations / "versions" / "0001_phone.py")
    assert says_how_long(project.fails("upgrade"))
    assert "phone" not in tables(project)
    path = project.migrations / "versions" / "0001_phone.py"
    edit(path, repr(LONG), "'add_phone'")
    list_revisions(project)
    project.flask("upgrade")
    assert stored_revision(project) == "add_phone"


@pytest.mark.parametrize("engine", ENGINES)
def test_F12_verify_names_an_id_that_cannot_be_stored(started, engine):
    project = started(engine)
    write_revision(project, LONG, TABLE)
    project.models += (
        "class Phone(db.Model):\n    __table__ = db.Table('phone', db.Column('id', db.Integer))\n"
    )
    project.models = project.models.replace("('id', db.Integer)", "('id', db.Integer, primary_key=True)")
    result = project.run("verify")
    assert result.exit_code == 1
    assert any(says_how_long(line) for line in result.output.splitlines())


@pytest.mark.parametrize(
    "command",
    ["revision", "merge"],
)
def test_F12_an_id_that_cannot_be_stored_is_not_written(started, command):
    project = started("sqlite")
    if command == "merge":
        for name in ("one", "two"):
            path = write_revision(project, name, TABLE.replace("phone", name))
            path.rename(project.path / path.name)
        for path in project.path.glob("*.py"):
            path.rename(project.migrations / "versions" / path.name)
    there = project.versions
    given = ["heads"] if command == "merge" else []
    assert says_how_long(project.fails(command, *given, "-m", "phone", "--rev-id", LONG))
    assert project.versions == there


def stopped(project):
    """Stop in the middle of a revision, and lose its file."""
    path = write_revision(project, "half", HALF.format(statement="pass"))
    project.fails("upgrade")
    path.unlink()
    write_revision(project, "phone", TABLE)
    return project


def test_F12_a_half_applied_revision_without_a_file_can_be_abandoned(started):
    project = stopped(started("mariadb"))
    sentence = project.fails("upgrade")
    assert "half" in sentence
    assert "flask db resume --abandon" in sentence
    output = project.flask("resume", "--abandon", "--yes")
    assert "CREATE TABLE token" in output  # what it leaves
    assert {"token", "other"} <= tables(project)
    project.flask("upgrade")
    assert stored_revision(project) == "phone"
    project.flask("downgrade", "--yes")


def test_F12_giving_up_needs_confirmation(started):
    project = started("mariadb")
    assert project.flask("resume", "--abandon") == "Nothing is half applied.\n"
    path = write_revision(project, "half", HALF.format(statement="pass"))
    project.fails("upgrade")
    assert "flask db resume --abandon --yes" in project.fails("resume", "--abandon")
    edit(path, "1 / 0", "pass")
    list_revisions(project)
    project.flask("resume")
    assert stored_revision(project) == "half"


def test_F12_status_names_a_half_applied_revision(started):
    project = started("mariadb")
    write_revision(project, "half", HALF.format(statement="pass"))
    project.fails("upgrade")
    sentence = project.fails("status")
    assert "Revision half is half applied" in sentence and "flask db resume --abandon" in sentence


def test_F12_a_half_applied_revision_has_a_way_back(started):
    """With its file, the statements that have run are known, and so is what they leave."""
    project = started("mariadb")
    write_revision(project, "half", HALF.format(statement="pass"))
    project.fails("upgrade")
    assert "flask db resume --abandon" in project.fails("downgrade", "--yes")
    project.flask("resume", "--abandon", "--yes")
    project.flask("downgrade", "--yes")
    assert stored_revision(project) is None
