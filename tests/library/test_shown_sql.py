"""The SQL that `flask db new` and `flask db sql` show is the SQL that runs."""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import datetime, timedelta

import psycopg
import pytest
from hand_written import DRIVERS, create_database, model, upgrade, with_table, write_revision
from histories import TABLE
from sqlalchemy import create_engine, event, make_url

COLUMNS = "nick = db.Column(db.String(20))\nmail = db.Column(db.String(20), index=True)"
CHANGED = """
nick = db.Column(db.String(50), nullable=False, index=True, server_default='5%')
age = db.Column(db.Integer)
mail = db.Column(db.String(20))
"""
SCHEMA_OR_DATA = re.compile(r"\s*(ALTER|CREATE|DELETE|DROP|INSERT|UPDATE)\b", re.IGNORECASE)


@pytest.fixture(params=DRIVERS)
def anywhere(request, new_project, server_url):
    driver = DRIVERS[request.param]
    project = new_project(driver and server_url(driver))
    project.engine = request.param
    return project


def shown(output):
    """Return the statements under "SQL on …:"."""
    _, _, text = output.partition("SQL on ")
    return [line.strip().rstrip(";") for line in text.split("Proved: ")[0].splitlines()[1:]]


def executed(project):
    """Apply what is pending; return the statements that the database received."""
    statements = []

    def before(_connection, _cursor, statement, parameters, *_):
        plain = " ".join(statement.split())
        own = ("alembic_version", "migration_")
        if SCHEMA_OR_DATA.match(plain) and not any(name in plain for name in own):
            # With parameters, or on a driver that formats, a % is doubled for the driver.
            statements.append(plain.replace("%%", "%").replace('"_alembic_tmp_users"', "_alembic_tmp_users"))

    from sqlalchemy.engine import Engine

    event.listen(Engine, "before_cursor_execute", before)
    try:
        project.flask("upgrade")
    finally:
        event.remove(Engine, "before_cursor_execute", before)
    return statements


def test_F36_new_shows_each_statement(anywhere):
    project = anywhere
    with_table(project, COLUMNS)
    project.models = model(CHANGED)
    out = project.flask("new", "-m", "more", "--default", "users.nick=50% x")
    ran = [statement for statement in executed(project) if "sqlite_" not in statement]
    assert shown(out) == ran and len(ran) >= 4


def test_F36_a_percent_sign_is_shown_once(anywhere):
    project = anywhere
    with_table(project, COLUMNS)
    project.models = model(CHANGED)
    out = project.flask("new", "-m", "more", "--default", "users.nick=50% x")
    assert "'50% x'" in "\n".join(shown(out)) and "%%" not in out
    assert "%%" not in project.flask("sql")


@pytest.mark.parametrize("kind", ["index", "column", "drop"])
def test_F36_new_shows_the_alters_of_mariadb(new_project, server_url, kind):
    project = new_project(server_url("mysql+pymysql"))
    with_table(project, COLUMNS)
    project.models, expected, answers = {
        "index": (model(COLUMNS.replace("(20))", "(20), index=True)")), "CREATE INDEX ix_users_nick", []),
        "column": (model(f"{COLUMNS}\nage = db.Column(db.Integer)"), "ADD COLUMN age INTEGER", []),
        "drop": (model(COLUMNS.partition("\n")[2]), "DROP COLUMN nick", ["--drop", "users.nick"]),
    }[kind]
    out = project.flask("new", "-m", "more", *answers)
    assert any(expected in statement for statement in shown(out)), out


@pytest.mark.parametrize("more", [False, True], ids=["drop", "drop and add"])
def test_F36_new_does_not_show_what_was_tried_and_failed(project, more):
    """SQLite refuses to drop the column of a UNIQUE constraint, so the table is rebuilt."""
    with_table(project, "nick = db.Column(db.String(20))\nmail = db.Column(db.String(20), unique=True)")
    batch = 'with op.batch_alter_table("users") as b:'
    up, down = [batch, '    b.drop_column("mail")'], [batch]
    if more:
        up.insert(1, '    b.add_column(sa.Column("age", sa.Integer))')
        down.append('    b.drop_column("age")')
    down += [
        '    b.add_column(sa.Column("mail", sa.String(20)))',
        '    b.create_unique_constraint("uq_users_mail", ["mail"])',
    ]
    path = write_revision(project, "second", upgrade(*up))
    path.write_text(path.read_text().replace("    pass\n", "".join(f"    {line}\n" for line in down)))
    age = "\nage = db.Column(db.Integer)" if more else ""
    project.models = model(f"nick = db.Column(db.String(20)){age}")
    out = project.flask("new", "--prove")
    assert shown(out)[-1].endswith("RENAME TO users"), out
    assert not any("DROP COLUMN" in statement for statement in shown(out)), out


INSERT = (
    'docs = op.create_table("docs", sa.Column("id", sa.Integer, primary_key=True), '
    'sa.Column("value", {kind}))',
    'op.bulk_insert(docs, [{{"id": 1, "value": {value}}}])',
)
VALUES = {
    "json": ("sa.JSON", '{"a": [1, None, "50%"]}'),
    "none": ("sa.JSON", "None"),
    "bytes": ("sa.LargeBinary", 'b"\\xff\\x00"'),
    "uuid": ("sa.Uuid", '__import__("uuid").UUID(int=7)'),
    "time": ("sa.DateTime", '__import__("datetime").datetime(2020, 1, 2)'),
    "decimal": ("sa.Numeric(8, 2)", '__import__("decimal").Decimal("1.50")'),
    "no none": ("sa.JSON(none_as_null=True)", "None"),
    "json null": ("sa.JSON", "sa.JSON.NULL"),
    "quotes": ("sa.JSON", """{"a": 'it is "so" \\\\ %s :b'}"""),
    "variant": (
        'sa.Text().with_variant(sa.JSON(), "sqlite")',
        "[1, 'ä']",
    ),
    "decorator": (
        "type('Lower', (sa.TypeDecorator,), {'impl': sa.JSON, 'cache_ok': True,"
        " 'process_bind_param': lambda self, value, dialect: [value]})",
        "None",
    ),
    "array of bytes": ("sa.BINARY(3)", "bytearray(b'a%b')"),
    "enum": ('sa.Enum("a", "b", name="ab", native_enum=False)', '"a"'),
}


@pytest.mark.parametrize("kind", VALUES)
def test_F35_sql_of_inserted_rows(project, kind, tmp_path):
    """What is printed inserts the same row as the revision."""
    with_table(project, "")
    lines = [line.format(kind=VALUES[kind][0], value=VALUES[kind][1]) for line in INSERT]
    write_revision(project, "docs", upgrade(*lines))
    printed = project.flask("sql")
    engine = create_engine(f"sqlite:///{tmp_path}/printed.db")
    driver = engine.raw_connection()
    driver.executescript("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL);")
    driver.executescript(printed)
    project.flask("upgrade")
    ((value,),) = project.sql("SELECT value FROM docs")
    ((other,),) = driver.execute("SELECT value FROM docs").fetchall()
    driver.close()
    engine.dispose()
    assert other == value


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
@pytest.mark.parametrize("kind", ["sa.JSON", "JSONB"])
def test_F35_sql_of_inserted_json_on_a_server(new_project, server_url, engine, kind):
    if kind == "JSONB" and engine == "mariadb":
        kind = "sa.JSON(none_as_null=True)"
    project = new_project(server_url(DRIVERS[engine]))
    with_table(project, "")
    kind = kind.replace("JSONB", '__import__("sqlalchemy.dialects.postgresql", fromlist=["x"]).JSONB')
    lines = [line.format(kind=kind, value='{"a": "it\'s 50%"}') for line in INSERT]
    write_revision(project, "docs", upgrade(*lines))
    assert "it''s 50%" in project.flask("sql")


@pytest.mark.parametrize(
    ("engine", "kind", "value", "shown"),
    [
        ("postgresql", "sa.LargeBinary", 'b"\\xff\\x00"', "'\\xff00'"),
        ("mariadb", "sa.LargeBinary", 'b"\\xff\\x00"', "x'ff00'"),
        ("mariadb", "sa.JSON", """{"a": 'x"y'}""", r"""'{"a": "x\\"y"}'"""),
        ("postgresql", "sa.JSON", """{"a": 'x"y'}""", r"""'{"a": "x\"y"}'"""),
        ("postgresql", "INET", "'10.0.0.1'", "'10.0.0.1'"),
        ("postgresql", "TSVECTOR", "'a b'", "'a b'"),
    ],
)
def test_F35_sql_of_inserted_values_on_a_server(new_project, server_url, engine, kind, value, shown):
    """What is printed inserts the same row as the revision."""
    project = new_project(server_url(DRIVERS[engine]))
    with_table(project, "")
    if not kind.startswith("sa."):
        kind = f'__import__("sqlalchemy.dialects.postgresql", fromlist=["x"]).{kind}'
    write_revision(project, "docs", upgrade(*(line.format(kind=kind, value=value) for line in INSERT)))
    printed = project.flask("sql")
    (insert,) = re.findall(r"^INSERT INTO docs .*;$", printed, re.MULTILINE)
    assert shown in insert
    project.flask("upgrade")
    ((before,),) = project.sql("SELECT value FROM docs")
    project.sql("DELETE FROM docs")
    engine = create_engine(project.url)
    with engine.begin() as connection:
        connection.exec_driver_sql(insert, execution_options={"no_parameters": True})
    engine.dispose()
    assert project.sql("SELECT value FROM docs") == [(before,)]


@pytest.mark.parametrize(
    ("kind", "value"), [("sa.JSON", '{"a": object()}'), ("sa.types.NullType", "object()")]
)
def test_F35_a_value_that_cannot_be_written(project, kind, value):
    with_table(project, "")
    table = f"sa.table('docs', sa.column('id'), sa.column('value', {kind}))"
    insert = INSERT[1].format(value=value).replace("insert(docs", f"insert({table}")
    path = write_revision(project, "docs", upgrade(insert))
    text = path.read_text()
    line = next(number for number, line in enumerate(text.splitlines(), 1) if "bulk_insert" in line)
    sentence = project.fails("sql")
    assert f"{path.name}, line {line}: this cannot be written as SQL" in sentence


BODIES = """
def upgrade():
    op.execute("CREATE TABLE item (id INT PRIMARY KEY, note VARCHAR(20))")
    op.execute(
        "CREATE TRIGGER fill BEFORE INSERT ON item FOR EACH ROW "
        "BEGIN SET NEW.note = concat('it''s; ', NEW.id); SET NEW.id = NEW.id + 1; END"
    )
    op.execute("CREATE VIEW notes AS SELECT 'a;b' AS note")
    op.execute("BEGIN NOT ATOMIC INSERT INTO item (id) VALUES (1); INSERT INTO item (id) VALUES (5); END;")
def downgrade():
    op.drop_table("item")
"""


def test_the_sql_of_a_trigger_is_for_the_client_program(new_project, server_url):
    """A semicolon in its body would end the statement, and one in a literal does not."""
    project = new_project(server_url("mariadb+pymysql"))
    project.flask("init")
    write_revision(project, "bodies", BODIES)
    create_database(project.url)
    printed = project.flask("upgrade", "--sql")
    assert printed.count("DELIMITER ;;") == 2 and "AS note;" in printed
    run_printed(project, printed)
    assert project.sql("SELECT * FROM item ORDER BY id") == [(2, "it's; 1"), (6, "it's; 5")]


def run_printed(project, printed):
    """What an administrator does with the SQL."""
    url = make_url(project.url)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database)) as connection:
            connection.executescript(printed)
    elif url.get_backend_name() == "postgresql":
        address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(printed)
    else:
        client = [shutil.which("mariadb"), f"-h{url.host}", f"-P{url.port}", f"-u{url.username}"]
        subprocess.run([*client, url.database], input=printed, text=True, check=True)


NOW = {"sqlite": "CURRENT_TIMESTAMP", "postgresql": "timezone('utc', now())", "mariadb": "utc_timestamp()"}


def test_a_revision_whose_sql_was_run_counts_as_applied(anywhere):
    """It was reported as one that was never applied, as soon as the next one was."""
    project = anywhere
    project.models = ""
    project.flask("init")
    for name in ("one", "two"):
        write_revision(project, name, TABLE.format(name))
    if project.engine != "sqlite":
        create_database(project.url)
    run_printed(project, project.flask("upgrade", "--sql"))
    write_revision(project, "three", TABLE.format("three"))
    printed = project.flask("sql")
    assert f", {NOW[project.engine]}, " in printed  # when it runs, not when it was printed
    run_printed(project, printed)
    assert "INSERT INTO migration_applied" not in project.flask("stamp", "--sql", "head")
    path = write_revision(project, "four", TABLE.format("four"))
    project.flask("upgrade")
    assert "Changed" not in project.flask("status")
    rows = project.sql("SELECT revision, applied_by, applied_at FROM migration_applied")
    by_sql = {name: person.endswith(", as SQL") for name, person, _ in rows}
    assert by_sql == {"one": True, "two": True, "three": True, "four": False}
    times = [datetime.fromisoformat(str(row[2])) for row in rows]  # in UTC, as those of the library
    assert max(times) - min(times) < timedelta(minutes=5)
    run_printed(project, project.flask("downgrade", "--sql", "four:three"))
    assert "Pending   four (four)" in project.flask("status")
    assert len(project.sql("SELECT revision FROM migration_applied")) == 3
    path.write_text(path.read_text().replace("four", "vier").replace('"vier"\ndown', '"four"\ndown'))
    run_printed(project, project.flask("sql"))
    assert "Changed" not in project.flask("status")
