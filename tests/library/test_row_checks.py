"""Rows that a revision cannot convert, or that break its constraints, are named before the first change."""

import re
from threading import Timer

import pytest
from histories import ENGINES, columns, edit, stored_revision, write_revision

from flask_safe_migrations.runtime.row_checks import RowCheck

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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize("engine", ENGINES)
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


TABLE = 'op.create_table("rank", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.{}))'
TIGHTER = {
    "primary key of a table without one": (
        'op.create_table("rank", sa.Column("name", sa.String(20)), sa.Column("place", sa.Integer))',
        "INSERT INTO rank VALUES ('a', 1), (NULL, 2), ('c', 3), ('c', 4)",
        'batch_op.create_primary_key("pk_rank", ["name"])',
        "rank.name is NULL in 1 row; rank.name occurs more than once in 2 rows",
    ),
    "unique over two columns, in a table whose key has two": (
        """op.create_table(
        "rank",
        sa.Column("a", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("b", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(20)),
        sa.Column("place", sa.Integer),
    )""",
        "INSERT INTO rank VALUES (1, 1, 'x', 1), (1, 2, 'x', 2), (2, 1, 'x', 2), (2, 2, NULL, 2)",
        'batch_op.create_unique_constraint("uq_rank_name_place", ["name", "place"])',
        "rank (name, place) occurs more than once in 2 rows ((a, b) (1, 2), (2, 1))",
    ),
    "narrower number": (
        TABLE.format("BigInteger"),
        "INSERT INTO rank VALUES (1, 32767), (2, 32768), (3, -32769), (4, NULL)",
        'batch_op.alter_column("n", existing_type=sa.BigInteger(), type_=sa.SmallInteger())',
        "rank.n does not fit into SMALLINT in 2 rows (id 2: '32768', 3: '-32769')",
    ),
    "fewer digits": (
        TABLE.format("Numeric(9, 3)"),
        "INSERT INTO rank VALUES (1, 99.994), (2, 99.996), (3, 100)",
        'batch_op.alter_column("n", existing_type=sa.Numeric(9, 3), type_=sa.Numeric(4, 2))',
        "rank.n does not fit into NUMERIC(4, 2) in 2 rows (id 2: '99.996', 3: '100.000')",
    ),
    "member of an enum removed": (
        """op.create_table(
        "rank",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("mood", sa.Enum("happy", "sad", "calm", native_enum={native})),
    )""",
        "INSERT INTO rank VALUES (1, 'happy'), (2, 'calm'), (3, NULL)",
        """batch_op.alter_column(
            "mood",
            existing_type=sa.Enum("happy", "sad", "calm", native_enum={native}),
            type_=sa.Enum("happy", "sad", native_enum={native}),
        )""",
        "rank.mood is none of 'happy', 'sad' in 1 row (id 2: 'calm')",
    ),
    "many rows": (
        TABLE.format("Integer"),
        "INSERT INTO rank (id) VALUES (1), (2), (3), (4), (5), (6), (7)",
        'batch_op.alter_column("n", existing_type=sa.Integer(), nullable=False)',
        "rank.n is NULL in 7 rows (id 1, 2, 3, 4, 5, …)",
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("case", TIGHTER)
def test_F10_the_sentence(project_on, engine, case):
    project = project_on(engine)
    table, rows, change, expected = (
        part.replace("{native}", str(engine == "mariadb")) for part in TIGHTER[case]
    )
    write_revision(project, "start", f"def upgrade():\n    {table}\n")
    project.flask("upgrade")
    project.sql(rows)
    batch = f'    with op.batch_alter_table("rank") as batch_op:\n        {change}\n'
    write_revision(project, "tighten", f"def upgrade():\n{batch}")
    found = project.fails("upgrade").replace("DECIMAL", "NUMERIC")
    assert f"0001_tighten.py cannot be applied: {expected}. Nothing of it was applied: correct" in found


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_F10_a_unique_index_on_an_expression_with_a_condition(project_on, engine):
    project = filled(project_on(engine))
    project.sql("INSERT INTO person (id, email) VALUES (24, 'B@example.com'), (25, 'b@example.com')")
    project.sql("INSERT INTO person (id, email) VALUES (5, 'C@example.com')")
    write_revision(
        project,
        "index",
        f"""
def upgrade():
    options = {{"{engine}_where": sa.text("id > 10")}}
    op.create_index("ix_person_email", "person", [sa.text("lower(email)")], unique=True, **options)
""",
    )
    assert "person.lower(email) occurs more than once in 2 rows (id 24, 25)" in project.fails("upgrade")
    project.sql("DELETE FROM person WHERE id = 25")
    project.flask("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_a_required_column_without_a_default(project_on, engine):
    """MariaDB chooses a value itself; the other engines refuse it where there are rows."""
    project = filled(project_on(engine))
    body = 'op.add_column("person", sa.Column("code", sa.Integer, nullable=False))'
    write_revision(project, "code", f"def upgrade():\n    {body}\n")
    if engine == "mariadb":
        project.flask("upgrade")
        return
    assert "person.code gets no value in 4 rows (id 20, 21, 22, 23)" in project.fails("upgrade")


READS_ITSELF = """
def upgrade():
    op.add_column("person", sa.Column("extra", sa.Integer))
    wrong = op.get_bind().execute(sa.text("SELECT id FROM person WHERE email IS NULL")).scalars().all()
    op.execute(f"DELETE FROM person WHERE id IN ({', '.join(map(str, wrong[:COUNT]))})")
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("email", existing_type=sa.String(50), nullable=False)
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_rows_are_checked_late_where_the_revision_reads_the_database(project_on, engine):
    project = filled(project_on(engine))
    path = write_revision(project, "tighten", READS_ITSELF.replace("COUNT", "1"))
    assert "person.email is NULL in 1 row (id 23)" in project.fails("upgrade")
    assert ("extra" in columns(project, "person")) == (engine == "mariadb")
    if engine == "mariadb":  # it goes on after the statements that have run
        project.sql("DELETE FROM person WHERE id = 23")
    else:
        edit(path, "[:1]", "")
    project.flask("upgrade")
    assert project.sql("SELECT id FROM person ORDER BY id") == [(20,), (22,)]


def test_F10_what_a_revision_does_besides_happens_once(project):
    """It is not run to find out what it does, unless all that it calls describes a schema."""
    filled(project)
    log = project.path / "log"
    write_revision(
        project,
        "calls",
        f"""
import itertools
from pathlib import Path

numbers = itertools.count(1)

def note():
    with open({str(log)!r}, "a") as file:
        file.write("called ")

def upgrade():
    note()
    with op.batch_alter_table("person") as batch_op:
        batch_op.create_unique_constraint("uq_person_email", ["email"])
""",
    )
    write_revision(
        project,
        "counts",
        """
import itertools

numbers = itertools.count(1)

def upgrade():
    op.bulk_insert(sa.table("team", sa.column("id")), [{"id": 100 + next(numbers)}])
    print("inserted")
""",
    )
    printed = project.flask("upgrade")
    assert log.read_text() == "called "
    assert printed.count("inserted") == 1
    assert project.sql("SELECT id FROM team ORDER BY id") == [(1,), (101,)]


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_a_check_that_takes_too_long_is_skipped_and_says_so(project_on, engine):
    project = filled(project_on(engine))
    source = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)"
    project.sql(
        f"INSERT INTO person (id, nick) {source} SELECT i, 'nick' || i FROM n"
        if engine != "mariadb"
        else "INSERT INTO person (id, nick) SELECT seq, concat('nick', seq) FROM seq_100_to_60000"
    )
    project.config["MIGRATION_ROW_CHECK_TIMEOUT"] = 0.001
    write_revision(project, "tighten", REVISION.format(change=CHANGES["unique"]))
    result = project.run("verify", "--data")
    expected = (
        "0001_tighten.py: not checked whether person.nick occurs more than once: "
        "this takes longer than the 0.001 seconds of MIGRATION_ROW_CHECK_TIMEOUT."
    )
    assert result.exit_code == 0
    assert expected in result.output
    project.sql("DELETE FROM person WHERE id IN (21, 23)")
    assert expected in project.flask("upgrade")
    assert stored_revision(project) == "tighten"
    assert project.sql("SELECT count(*) FROM person") == [(2 + 60000 - 99,)]


def test_F10_no_check_where_the_timeout_is_zero(project):
    filled(project)
    project.config["MIGRATION_ROW_CHECK_TIMEOUT"] = 0
    write_revision(project, "tighten", REVISION.format(change=CHANGES["unique"]))
    assert "UNIQUE constraint failed: person.nick" in project.fails("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F10_verify_data_of_another_database(project_on, engine, tmp_path):
    """A copy of production has the rows; the configured database has none, and neither is changed."""
    project = filled(project_on(engine))
    production = project.url
    project.config["SQLALCHEMY_DATABASE_URI"] = (
        f"sqlite:///{tmp_path}/instance/other_dev.db"
        if engine == "sqlite"
        else production.replace("library_", "library_other_")
    )
    project.flask("upgrade")
    write_revision(project, "tighten", REVISION.format(change=CHANGES["unique"]))
    write_revision(project, "later", REVISION.replace("extra", "more").format(change=CHANGES["check"]))
    write_revision(
        project,
        "corrects",
        """
def upgrade():
    op.execute("UPDATE person SET email = 'x' WHERE email IS NULL")
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("email", existing_type=sa.String(50), nullable=False)
""",
    )
    assert "✓ no row is in the way of what is pending" in project.flask("verify", "--data")
    result = project.run("verify", "--data", production)
    assert result.exit_code == 1
    for line in (
        "✗ no row is in the way of what is pending",
        "0001_tighten.py cannot be applied: person.nick occurs more than once in 2 rows (id 21, 23)",
        "0002_later.py cannot be applied: person violates ck_person_adult (age >= 18) in 2 rows (id 21, 23)",
        "0003_corrects.py: whether person.email is NULL is checked while it runs, as rows or columns change "
        "before",
    ):
        assert line in [printed.strip() for printed in result.output.splitlines()]
    assert project.sql("SELECT version_num FROM alembic_version", production) == [("start",)]
    assert "extra" not in columns(project, "person")


def test_F10_verify_data_refuses(project):
    filled(project)
    assert "takes a database URL" in project.fails("verify", "--data", "not a url", code=2)
    assert "does not exist" in project.fails("verify", "--data", "sqlite:////nowhere/there.db")
    assert "is PostgreSQL, and the revisions run on SQLite" in project.fails(
        "verify", "--data", "postgresql+psycopg://me:secret@localhost/x"
    )
    assert "two checks" in project.fails("verify", "--data", "--against", "start", code=2)


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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize("engine", ENGINES)
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


@pytest.mark.parametrize(
    ("old", "new"), [("db.Date", "db.Uuid"), ("db.Integer", "db.DateTime"), ("db.Time", "db.Numeric(6, 2)")]
)
@pytest.mark.parametrize("engine", ENGINES)
def test_F09_types_without_a_conversion_are_refused(project_on, engine, old, new):
    project = project_on(engine)
    model = """
class Answer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    given = db.Column({})
"""
    project.models = model.format(old)
    project.flask("new", "-m", "start")
    project.models = model.format(new)
    sentence = project.fails("new", "-m", "convert")
    assert "Column answer.given has changed from" in sentence
    assert "to which no value can be converted" in sentence
    assert len(project.versions) == 1


def test_F09_text_that_using_converts_in_its_own_way_is_left_to_it(project_on):
    project = project_on("postgresql")
    write_revision(project, "start", ANSWERS)
    project.flask("upgrade")
    project.sql("INSERT INTO answer VALUES (41, '31.01.2026')")
    body = CONVERT.format(type="sa.Date()", sql="date")
    write_revision(project, "convert", body.replace("given::date", "to_date(given, 'DD.MM.YYYY')"))
    project.flask("upgrade")
    assert [str(given) for (given,) in project.sql("SELECT given FROM answer")] == ["2026-01-31"]


@pytest.mark.parametrize("engine", ENGINES)
def test_F09_a_uuid_that_was_text_is_found_again(project_on, engine):
    """SQLite keeps the text, and the type reads it only without hyphens."""
    project = project_on(engine)
    write_revision(project, "start", ANSWERS.replace("String(30)", "String(36)"))
    project.flask("upgrade")
    good = "0" * 31 + "7"
    project.sql(f"INSERT INTO answer VALUES (41, '{good}'), (42, 'no uuid')")
    write_revision(project, "convert", CONVERT.format(type="sa.Uuid()", sql="uuid"))
    sentence = project.fails("upgrade")
    assert "answer.given does not fit into" in sentence or "is longer than" in sentence
    assert re.search(r"\b42\b", sentence)
    project.sql("DELETE FROM answer WHERE id = 42")
    project.flask("upgrade")
    assert [str(given).replace("-", "") for (given,) in project.sql("SELECT given FROM answer")] == [good]


@pytest.mark.parametrize(
    ("engine", "end"),
    [
        ("postgresql", "SELECT pg_terminate_backend(pg_backend_pid())"),
        ("mariadb", "SELECT 1 FROM (SELECT sleep(60)) AS s"),
    ],
)
def test_F10_a_connection_that_is_lost_is_no_skipped_check(project_on, monkeypatch, engine, end):
    """The revision is not tried on what is left of the connection."""
    project = filled(project_on(engine))
    write_revision(project, "change", REVISION.format(change=CHANGES["unique"]))
    find = RowCheck.find

    def lose(check, connection):
        if engine == "mariadb":
            number = connection.exec_driver_sql("SELECT connection_id()").scalar()
            Timer(0.3, project.sql, [f"KILL {number}"]).start()
        connection.exec_driver_sql(end)
        return find(check, connection)

    monkeypatch.setattr(RowCheck, "find", lose)
    result = project.run("upgrade")
    assert result.exit_code == 1 and "not checked" not in result.output
    assert "PendingRollbackError" not in result.output and "Traceback" not in result.output
    assert stored_revision(project) == "start" and "extra" not in columns(project, "person")
