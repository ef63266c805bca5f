"""A rebuild of a table on SQLite whose CREATE TABLE was written by hand: nothing of it is lost silently."""

import pytest
from hand_written import upgrade, write_revision

REBUILD = [
    'with op.batch_alter_table("{}") as batch:',
    '    batch.alter_column("b", existing_type=sa.Text(), nullable=False)',
]


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
    ],
)
def test_a_collation_is_kept_or_the_rebuild_is_refused(project, create):
    assert "COLLATE" in rebuild(project, create).upper()


@pytest.mark.parametrize(
    "create",
    [
        "create table things (id integer primary key, b text, constraint positive check (id > 0))",
        "CREATE TABLE things (id INTEGER PRIMARY KEY, b TEXT constraint positive check (b <> ''))",
    ],
)
def test_a_named_check_in_lower_case_is_no_unnamed_one(project, create):
    assert rebuild(project, create).upper().startswith("CREATE TABLE")


def test_an_unnamed_check_is_not_lost(project):
    sql = rebuild(project, "CREATE TABLE things (id INTEGER PRIMARY KEY, b TEXT check (b <> ''))")
    assert "CHECK" in sql


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
