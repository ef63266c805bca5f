"""Rows that a revision cannot convert, or that break its constraints, are named before the first change."""

import re

import pytest
from histories import ENGINES, columns, edit, some, stored_revision, write_revision

START = """
def upgrade():
    op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(50)),
        sa.Column("nick", sa.String(20)),
        sa.Column("age", sa.Integer),
        sa.Column("team_id", sa.Integer),
    )
"""
REVISION = """
def upgrade():
    op.add_column("person", sa.Column("extra", sa.Integer))
    with op.batch_alter_table("person") as batch_op:
        batch_op.{change}
"""
CHANGES = {
    "not null": 'alter_column("email", existing_type=sa.String(50), nullable=False)',
    "unique": 'create_unique_constraint("uq_person_nick", ["nick"])',
    "foreign key": 'create_foreign_key("fk_person_team_id_team", "team", ["team_id"], ["id"])',
    "check": 'create_check_constraint("ck_person_adult", "age >= 18")',
    "shorter type": 'alter_column("nick", existing_type=sa.String(20), type_=sa.String(8))',
}
# Each of the changes is broken by the rows 21 and 23, and by no other.
ROWS = """
INSERT INTO person (id, email, nick, age, team_id) VALUES
    (20, 'a@example.com', 'anna', 30, 1), (21, NULL, 'bartholomew', 7, 99),
    (22, 'c@example.com', 'carl', 40, 1), (23, NULL, 'bartholomew', 9, 98)
"""
ONLY_IF = (
    "F10: the engine finds the rows in the middle of the revision, and names neither table, count nor keys"
)
SHORTER = "F10: SQLite keeps values that are too long"


def filled(project):
    """Apply START and insert ROWS."""
    write_revision(project, "start", START)
    project.flask("upgrade")
    project.sql("INSERT INTO team VALUES (1)")
    project.sql(ROWS)
    return project


def names_the_rows(sentence):
    """Whether table, count and the keys of the first rows are in the sentence, in the words of the models."""
    return (
        "person" in sentence
        and "_alembic_tmp" not in sentence
        and all(re.search(rf"\b{number}\b", sentence) for number in (2, 21, 23))
        and not any(re.search(rf"\b{number}\b", sentence) for number in (20, 22))
    )


@pytest.mark.parametrize("engine", some(ENGINES, ENGINES, ONLY_IF))
@pytest.mark.parametrize("change", CHANGES)
def test_F10_rows_that_break_the_new_schema_are_named_before_the_first_ddl(project_on, engine, change):
    project = filled(project_on(engine))
    write_revision(project, "tighten", REVISION.format(change=CHANGES[change]))
    assert names_the_rows(project.fails("upgrade"))
    assert "extra" not in columns(project, "person")
    assert stored_revision(project) == "start"
    project.sql("DELETE FROM person WHERE id IN (21, 23)")
    project.flask("upgrade")
    assert project.sql("SELECT id FROM person ORDER BY id") == [(20,), (22,)]
    assert stored_revision(project) == "tighten"


@pytest.mark.parametrize("engine", some(ENGINES, ENGINES, "F10: `verify` has no --data"))
def test_F10_verify_data_names_the_same_rows(project_on, engine):
    project = filled(project_on(engine))
    write_revision(project, "tighten", REVISION.format(change=CHANGES["unique"]))
    result = project.run("verify", "--data")
    assert result.exit_code == 1
    assert any(names_the_rows(line) for line in result.output.splitlines())


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("fill", "change"),
    [
        ("UPDATE person SET email = 'none@example.com' WHERE email IS NULL", "not null"),
        ("UPDATE person SET nick = 'bart' WHERE id = 21", "unique"),
        ("INSERT INTO team VALUES (98), (99)", "foreign key"),
        ("DELETE FROM person WHERE age < 18", "check"),
    ],
)
def test_F10_rows_that_the_revision_corrects_itself_do_not_stop_it(project_on, engine, fill, change):
    project = filled(project_on(engine))
    body = REVISION.format(change=CHANGES[change])
    write_revision(project, "tighten", body.replace("    with", f'    op.execute("{fill}")\n    with'))
    project.flask("upgrade")
    assert stored_revision(project) == "tighten"
    assert "extra" in columns(project, "person")


@pytest.mark.parametrize("engine", some(ENGINES, ENGINES, ONLY_IF))
def test_F10_a_downgrade_names_the_rows_as_well(project_on, engine):
    """The unique constraint that the revision drops comes back."""
    project = project_on(engine)
    unique = '("person") as batch_op:\n        batch_op.'
    path = write_revision(project, "start", START)
    edit(path, "    )\n", '        sa.UniqueConstraint("nick", name="uq_person_nick"),\n    )\n')
    write_revision(
        project,
        "loosen",
        f"""
def upgrade():
    with op.batch_alter_table{unique}drop_constraint("uq_person_nick", type_="unique")
def downgrade():
    op.add_column("person", sa.Column("extra", sa.Integer))
    with op.batch_alter_table{unique}{CHANGES["unique"]}
""",
    )
    project.flask("upgrade")
    project.sql(ROWS)
    assert names_the_rows(project.fails("downgrade", "--yes"))
    assert "extra" not in columns(project, "person")
    assert stored_revision(project) == "loosen"


CONVERT = """
def upgrade():
    op.add_column("answer", sa.Column("extra", sa.Integer))
    with op.batch_alter_table("answer") as batch_op:
        batch_op.alter_column(
            "given", existing_type=sa.String(30), type_={type}, postgresql_using="given::{sql}"
        )
"""
ANSWERS = """
def upgrade():
    op.create_table(
        "answer", sa.Column("id", sa.Integer, primary_key=True), sa.Column("given", sa.String(30))
    )
"""


@pytest.mark.parametrize(
    "engine",
    some(ENGINES, ENGINES, "F09: SQLite makes them 0; the servers name the value, but neither table nor key"),
)
@pytest.mark.parametrize(
    ("new", "sql", "good", "bad"),
    [
        ("sa.Integer()", "integer", "12", "unknown"),
        ("sa.Numeric(6, 2)", "numeric(6, 2)", "12.50", "1,50 EUR"),
        ("sa.Date()", "date", "2026-01-02", "yesterday"),
    ],
)
def test_F09_values_that_cannot_be_converted_are_named(project_on, engine, new, sql, good, bad):
    project = project_on(engine)
    write_revision(project, "start", ANSWERS)
    project.flask("upgrade")
    project.sql(f"INSERT INTO answer VALUES (41, '{good}'), (42, '{bad}'), (43, NULL)")
    write_revision(project, "convert", CONVERT.format(type=new, sql=sql))
    sentence = project.fails("upgrade")
    assert "answer.given" in sentence
    assert bad in sentence
    assert re.search(r"\b42\b", sentence)
    assert not re.search(r"\b4[13]\b", sentence)
    assert project.sql("SELECT given FROM answer ORDER BY id") == [(good,), (bad,), (None,)]
    assert "extra" not in columns(project, "answer")
    project.sql("DELETE FROM answer WHERE id = 42")
    project.flask("upgrade")
    assert [str(given) for (given,) in project.sql("SELECT given FROM answer ORDER BY id")] in (
        [good, "None"],
        [good.rstrip("0"), "None"],
    )


@pytest.mark.parametrize(
    "engine",
    some(ENGINES, ["postgresql", "mariadb"], "F09: the proof makes up text that no number can be made of"),
)
def test_F09_a_conversion_is_proved_with_values_that_can_be_converted(project_on, engine):
    project = project_on(engine)
    write_revision(project, "start", ANSWERS)
    project.models = """
class Answer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    given = db.Column(db.Integer)
"""
    result = project.run("new", "-m", "numbers")
    assert "Proved: up, down and up again" in result.output


@pytest.mark.parametrize(
    "engine", some(ENGINES, ENGINES, "F09: the old ids become '1', which the type cannot read")
)
def test_F09_a_key_that_cannot_be_converted_is_refused(project_on, engine):
    """No UUID can be made of an integer: it is said when the revision is written, with what to do instead."""
    project = project_on(engine)
    write_revision(project, "start", ANSWERS)
    project.models = """
class Answer(db.Model):
    id = db.Column(db.Uuid, primary_key=True)
    given = db.Column(db.String(30))
"""
    sentence = project.fails("new", "-m", "uuid keys")
    assert "answer.id" in sentence
    assert len(project.versions) == 1
