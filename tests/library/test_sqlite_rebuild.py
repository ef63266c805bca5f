"""A rebuild of a table on SQLite whose CREATE TABLE was written by hand: nothing of it is lost silently."""

import re

import pytest
from hand_written import upgrade, write_revision

FLAGS = re.DOTALL | re.IGNORECASE
REBUILD = [
    'with op.batch_alter_table("{}") as batch:',
    '    batch.alter_column("b", existing_type=sa.Text(), nullable=False)',
]


def test_no_warning_about_what_is_kept(project, recwarn):
    columns = "id INTEGER PRIMARY KEY, b TEXT, CHECK (b <> ''))"
    index = 'op.execute("CREATE INDEX ix ON things (lower(b))")'
    write_revision(project, "first", upgrade(f'op.execute("""CREATE TABLE things ({columns}""")', index))
    write_revision(project, "second", upgrade(*(line.format("things") for line in REBUILD)))
    project.flask("upgrade")
    project.run("new", "-m", "x")  # it runs the revisions on a shadow database
    assert [str(each.message) for each in recwarn] == []
    assert len(project.sql("SELECT 1 FROM sqlite_master WHERE name IN ('things', 'ix')")) == 2


def rebuild(project, create, table="things"):
    """Create a table, rebuild it in a revision, and return its new SQL or the reason of the refusal."""
    write_revision(project, "first", upgrade(f'op.execute("""{create}""")'))
    write_revision(project, "second", upgrade(*(line.format(table) for line in REBUILD)))
    result = project.run("upgrade")
    if result.exit_code:
        return result.output.strip().splitlines()[-1]
    ((sql,),) = project.sql(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'things' COLLATE NOCASE"
    )
    return sql


@pytest.mark.parametrize(
    "create",
    [
        "CREATE TABLE things (id INTEGER PRIMARY KEY, -- the key\n b TEXT COLLATE NOCASE)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, /* a, b */ b TEXT COLLATE NOCASE)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, a$b TEXT, b TEXT collate nocase)",
        "CREATE TABLE \"things\" (id INTEGER PRIMARY KEY, a TEXT DEFAULT '-- no', b TEXT COLLATE NOCASE)",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, a VARCHAR(9) DEFAULT 'a' COLLATE NOCASE, b TEXT)",
    ],
)
def test_a_collation_is_kept(project, create):
    assert re.search("^CREATE TABLE .* COLLATE .?NOCASE", rebuild(project, create), FLAGS)


def test_the_collation_of_a_type_that_has_none_is_not_lost(project):
    create = "CREATE TABLE things (id INTEGER PRIMARY KEY, a NUMERIC COLLATE NOCASE, b TEXT)"
    assert "would lose COLLATE NOCASE of column a: nothing was changed" in rebuild(project, create)


def test_a_generated_revision_of_a_model_with_a_collation(project):
    project.models = (
        "class User(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        "    email = db.Column(db.String(20, collation='NOCASE'), unique=True)\n"
        "    nick = db.Column(db.String(20, collation='NOCASE'))\n"
    )
    project.flask("new", "-m", "first")
    project.models = project.models.replace("(20", "(30").replace(", unique=True", "")
    assert "Proved" in project.flask("new", "-m", "second")
    project.flask("upgrade")
    ((sql,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'user'")
    assert sql.count('VARCHAR(30) COLLATE "NOCASE"') == 2 and "UNIQUE" not in sql
    project.models = project.models.replace("NOCASE", "RTRIM")
    assert "Proved" in project.flask("new", "-m", "third")
    assert "Nothing to migrate" in project.flask("new", "-m", "fourth")


@pytest.mark.parametrize(
    "create",
    [
        "create table things (id integer primary key, b text, constraint positive check (id > 0))",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, b TEXT constraint positive check (b <> ''))",
    ],
)
def test_a_named_check_in_lower_case_is_no_unnamed_one(project, create):
    assert rebuild(project, create).upper().startswith("CREATE TABLE")


@pytest.mark.parametrize(
    "columns",
    [
        "b TEXT check (b <> '')",
        "b TEXT, CHECK (b  <> '')",
        "b TEXT, c BOOLEAN CONSTRAINT named CHECK (c IN (0, 1)), CHECK (b <> '')",
        "b TEXT CHECK (b <> ''), c INTEGER CHECK (c > 1), CHECK (id > 0)",
    ],
)
def test_an_unnamed_check_is_kept(project, columns):
    """Databases that SQLAlchemy before 1.4 created have one for each Boolean, as have tables made by hand."""
    sql = rebuild(project, f"CREATE TABLE things (id INTEGER PRIMARY KEY, {columns})")
    assert sql.startswith("CREATE TABLE") and "CHECK (b <> '')" in sql
    assert sql.count("CHECK") == columns.upper().count("CHECK")


CHANGES = {
    "its column is dropped": ('drop_column("c")', 'CREATE TABLE "things" ( id INTEGER NOT NULL, b TEXT )'),
    "its column is renamed": (
        'alter_column("c", new_column_name="d", nullable=False)',
        "would lose an unnamed CHECK (c IN (0, 1)): nothing was changed",
    ),
    "its column gets another type": (
        'alter_column("c", existing_type=sa.Boolean(), type_=sa.String(9))',
        "would lose an unnamed CHECK (c IN (0, 1)): nothing was changed",
    ),
    "a column is added": (
        'add_column(sa.Column("d", sa.Integer), insert_after="id")',
        "CHECK (c IN (0, 1))",
    ),
}


@pytest.mark.parametrize(("change", "result"), CHANGES.values(), ids=CHANGES)
def test_an_unnamed_check_and_its_column(project, change, result):
    create = "CREATE TABLE things (id INTEGER NOT NULL, b TEXT, c BOOLEAN, CHECK (c IN (0, 1)))"
    write_revision(project, "first", upgrade(f'op.execute("""{create}""")'))
    write_revision(
        project, "second", upgrade('with op.batch_alter_table("things") as batch:', f"    batch.{change}")
    )
    output = project.run("upgrade").output
    ((sql,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'things'") or [("",)]
    assert result in " ".join(f"{output} {sql}".split())


def test_a_check_in_table_args_replaces_the_unnamed_ones(project):
    create = "CREATE TABLE things (id INTEGER NOT NULL, b TEXT, CHECK (b <> ''))"
    lines = [
        "named = sa.CheckConstraint(\"b <> ''\", name='given')",
        'with op.batch_alter_table("things", table_args=[named]) as batch:',
        '    batch.alter_column("b", existing_type=sa.Text(), nullable=False)',
    ]
    write_revision(project, "first", upgrade(f'op.execute("""{create}""")'))
    write_revision(project, "second", upgrade(*lines))
    project.flask("upgrade")
    ((sql,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'things'")
    assert sql.count("CHECK") == 1 and "CONSTRAINT given CHECK" in sql


@pytest.mark.parametrize("option", ["without rowid", "STRICT"])
def test_the_options_of_a_table_are_kept(project, option):
    sql = rebuild(project, f"create table things (id integer primary key, b text) {option}")
    assert sql.startswith("CREATE TABLE") and "PRIMARY KEY" in sql
    assert sql.strip().upper().endswith(option.upper())


@pytest.mark.parametrize("option", ["", "WITHOUT ROWID"])
def test_the_name_of_the_table_in_another_case_is_refused(project, option):
    """SQLAlchemy reflects no primary key under that name, so the rebuilt table would have none."""
    create = f"CREATE TABLE things (id INTEGER PRIMARY KEY, b TEXT) {option}"
    sentence = rebuild(project, create, table="Things")
    assert "Table Things is stored as things" in sentence and "Traceback" not in sentence
    ((sql,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'things'") or [("",)]
    assert sql in ("", create.strip())
