"""Revisions and databases that were not written by this library: they go on working."""

import importlib.util

import pytest
from hand_written import DRIVERS, IDS, create_database, model, upgrade, with_table, write_revision
from servers import lacking
from sqlalchemy import create_engine, inspect

COLUMNS = "nick = db.Column(db.String(20))\nemail = db.Column(db.String(20), index=True)"


def columns(project, table="users"):
    """Return the columns in their order, with their types."""
    engine = create_engine(project.url)
    found = [(each["name"], str(each["type"])) for each in inspect(engine).get_columns(table)]
    engine.dispose()
    return found


@pytest.mark.parametrize(
    ("batch", "made"),
    [
        pytest.param(
            'b.drop_column("nick"); b.add_column(sa.Column("nick", sa.Integer), insert_after="id")',
            ["id INTEGER", "nick INTEGER", "email VARCHAR(20)"],
        ),
        pytest.param(
            'b.add_column(sa.Column("age", sa.Integer), insert_before="nick")',
            ["id INTEGER", "age INTEGER", "nick VARCHAR(20)", "email VARCHAR(20)"],
        ),
        pytest.param(
            'b.add_column(sa.Column("age", sa.Integer), insert_after="id"); b.drop_index("ix_users_email")',
            ["id INTEGER", "age INTEGER", "nick VARCHAR(20)", "email VARCHAR(20)"],
        ),
        (
            'b.drop_column("nick"); b.add_column(sa.Column("nick", sa.Integer))',
            ["id INTEGER", "email VARCHAR(20)", "nick INTEGER"],
        ),
        (
            'b.alter_column("nick", new_column_name="name"); b.create_index("ix_name", ["name"])',
            ["id INTEGER", "name VARCHAR(20)", "email VARCHAR(20)"],
        ),
    ],
)
def test_F28_a_batch_that_places_columns(project, batch, made):
    with_table(project, COLUMNS)
    project.sql("INSERT INTO users (nick, email) VALUES ('a', 'b')")
    write_revision(project, "batch", upgrade('with op.batch_alter_table("users") as b:', f"    {batch}"))
    project.flask("upgrade")
    assert [" ".join(each) for each in columns(project)] == made
    assert project.sql("SELECT email FROM users") == [("b",)]


MOOD = "mood = db.Column(db.Enum('good', 'bad', name='mood'), server_default={})"
IS_GOOD = "CREATE FUNCTION is_good(m mood) RETURNS boolean LANGUAGE sql AS $$ SELECT m = 'good' $$"
DEFAULT_MOOD = "CREATE FUNCTION default_mood() RETURNS mood LANGUAGE sql AS $$ SELECT 'good'::mood $$"
HISTORIES = {
    "argument of a function": ("'good'", [f'op.execute("{IS_GOOD}")']),
    "default by a function": (
        "db.text('default_mood()')",
        [
            f'op.execute("{DEFAULT_MOOD}")',
            'op.execute("ALTER TABLE users ALTER COLUMN mood SET DEFAULT default_mood()")',
        ],
    ),
    "in the body of a function": (
        "'good'",
        [
            'op.execute("CREATE FUNCTION moods() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT '
            "count(*)::int FROM users WHERE mood = 'good'; END\")"
        ],
    ),
    "type without a model": (
        "'good'",
        [
            "op.execute(\"CREATE TYPE level AS ENUM ('low', 'high')\")",
            "op.execute(\"CREATE FUNCTION low() RETURNS level LANGUAGE sql AS $$ SELECT 'low'::level $$\")",
            'op.execute("CREATE VIEW levels AS SELECT id, low() AS level FROM users")',
        ],
    ),
}


@pytest.mark.parametrize("kind", HISTORIES)
def test_F29_squash_with_an_enum_type_in_use(new_project, server_url, kind):
    project = new_project(server_url("postgresql+psycopg"))
    default, lines = HISTORIES[kind]
    project.models = model(MOOD.format("'good'"))
    project.flask("init")
    project.flask("new", "-m", "first")
    write_revision(project, "second", upgrade(*lines))
    project.models = model(MOOD.format(default))
    project.flask("upgrade")
    assert "up, down and with all that comes after it" in project.flask("squash", "--yes")
    project.flask("downgrade", "--yes", "base")
    assert project.sql("SELECT typname FROM pg_type WHERE typtype = 'e'") == []
    project.flask("upgrade")
    project.sql("INSERT INTO users DEFAULT VALUES")
    assert project.sql("SELECT mood FROM users") == [("good",)]


CREATE = """def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("nick", sa.String(10)),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sqlite_autoincrement=True,
    )


def downgrade():
    op.drop_table("users")
"""
CHANGE = """def upgrade():
    with op.batch_alter_table("users"{up}) as b:
        b.alter_column("nick", type_=sa.String(20))


def downgrade():
    with op.batch_alter_table("users"{down}) as b:
        b.alter_column("nick", type_=sa.String(10))
"""
KEEP = ', table_kwargs={"sqlite_autoincrement": True}'


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("", ""),
        (KEEP, ""),
        (KEEP, KEEP),
    ],
    ids=["neither", "upgrade", "both"],
)
def test_F30_a_rebuild_keeps_autoincrement(project, up, down):
    project.models = model("nick = db.Column(db.String(20))")
    project.models += "    __table_args__ = {'sqlite_autoincrement': True}\n"
    write_revision(project, "first", CREATE)
    project.flask("upgrade")
    project.sql("INSERT INTO users (id, nick) VALUES (7, 'a')")
    project.sql("DELETE FROM users")
    write_revision(project, "second", CHANGE.format(up=up, down=down))
    for command in (["upgrade"], ["downgrade", "--yes"], ["upgrade"]):
        project.flask(*command)
        ((create,),) = project.sql("SELECT sql FROM sqlite_master WHERE name = 'users'")
        assert "AUTOINCREMENT" in create
    project.sql("INSERT INTO users (nick) VALUES ('b')")
    assert project.sql("SELECT id FROM users") == [(8,)]


LOAD = """import importlib, pkgutil

def load():
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
"""


@pytest.fixture
def adoptable(new_project, server_url):
    """`adoptable(engine, *statements)`: a database with tables, and a project without models."""
    if importlib.util.find_spec("sqlacodegen") is None:
        lacking("sqlacodegen is not installed: uv pip install 'sqlacodegen>=4.0.4,<5'")

    def adoptable(engine, *statements):
        project = new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))
        if engine != "sqlite":
            create_database(project.url)
        for statement in statements:
            project.sql(statement)
        models = project.path / project.name / "models"
        models.mkdir(parents=True)
        (models / "__init__.py").write_text(LOAD)
        (models.parent / "database.py").write_text("from . import db\n")
        project.models = ""
        project.flask("init")
        write_revision(project, "empty", upgrade("pass"))
        return project

    return adoptable


STRINGS = (
    "CREATE TABLE country (code VARCHAR(2){} NOT NULL PRIMARY KEY){}",
    "CREATE TABLE city (id INTEGER NOT NULL PRIMARY KEY, country_code VARCHAR(2){}, "
    "CONSTRAINT fk_city_country FOREIGN KEY (country_code) REFERENCES country (code)){}",
)
BINARY = " COLLATE utf8mb4_bin"
COLLATED = {
    "as the database": ("", "", "", ""),
    "both columns": (BINARY, "", BINARY, ""),
    "both tables": ("", BINARY, "", BINARY),
    "table and column": ("", BINARY, BINARY, ""),
    "column and table": (BINARY, "", "", BINARY),
    "charset": (" CHARACTER SET latin1", "", "", " CHARSET latin1"),
}


@pytest.mark.parametrize("kind", COLLATED)
def test_F31_strings_in_a_foreign_key_on_mariadb(adoptable, kind):
    first, second, third, fourth = COLLATED[kind]
    statements = STRINGS[0].format(first, second), STRINGS[1].format(third, fourth)
    project = adoptable("mariadb", *statements)
    project.sql("INSERT INTO country VALUES ('fr')")
    project.sql("INSERT INTO city VALUES (1, 'fr')")
    assert "Adopted: " in project.flask("adopt", "--models", "--yes")
    assert project.sql("SELECT * FROM city") == [(1, "fr")]


TWO_KEYS = (
    "CREATE TABLE a (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE b (id INTEGER NOT NULL PRIMARY KEY)",
    "CREATE TABLE c (id INTEGER NOT NULL PRIMARY KEY, x INTEGER, "
    "CONSTRAINT one FOREIGN KEY (x) REFERENCES a (id), CONSTRAINT two FOREIGN KEY (x) REFERENCES b (id))",
)


@pytest.mark.parametrize("engine", DRIVERS)
def test_F31_a_column_with_two_foreign_keys(adoptable, engine):
    project = adoptable(engine, *TWO_KEYS)
    assert "Adopted: " in project.flask("adopt", "--models", "--yes")


def test_F31_a_column_with_two_foreign_keys_without_a_name(adoptable):
    project = adoptable(
        "sqlite", *TWO_KEYS[:2], "CREATE TABLE c (id INTEGER PRIMARY KEY, x INT REFERENCES a REFERENCES b)"
    )
    assert "Adopted: " in project.flask("adopt", "--models", "--yes")


@pytest.mark.parametrize("command", [["adopt"], ["adopt", "--models", "--yes"], ["upgrade"], ["status"]])
def test_F31_a_database_with_the_version_of_another_tool(project, command):
    """The sentence says what the table is, and how to adopt the database without losing a row."""
    of_another_tool(project)
    sentence = project.fails(*command)
    assert "abcdef123456" in sentence and "flask db adopt" in sentence
    assert "rebuild" not in sentence


@pytest.mark.parametrize("is_used", [True, False], ids=["a table of its own", "dropped"])
def test_F31_the_advice_for_the_version_of_another_tool(project, is_used):
    of_another_tool(project)
    project.sql("INSERT INTO users VALUES (1)")
    if is_used:
        path = project.migrations / "env.py"
        env = path.read_text()
        assert "    compare_server_default=True,\n" in env
        path.write_text(env.replace("compare_server", 'version_table="shop_version",\n    compare_server'))
    else:
        project.sql("DROP TABLE alembic_version")
    ignore = ["--ignore", "alembic_version"] if is_used else []
    assert "Adopted: " in project.flask("adopt", *ignore)
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    assert project.sql("SELECT * FROM users") == [(1,)]
    if is_used:
        assert project.sql("SELECT * FROM alembic_version") == [("abcdef123456",)]


def of_another_tool(project):
    project.sql("CREATE TABLE users (id INTEGER NOT NULL, CONSTRAINT pk_users PRIMARY KEY (id))")
    project.sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
    project.sql("INSERT INTO alembic_version VALUES ('abcdef123456')")
    project.models = f"class User(db.Model):\n    __tablename__ = 'users'\n{IDS}"
    project.flask("new", "-m", "first")


CHANGED = """def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.String(50), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.alter_column("users", "name", new_column_name="nick", existing_type=sa.String(20))


def downgrade():
    op.drop_table("users")
"""


@pytest.mark.parametrize("command", [["adopt"], ["verify"]])
def test_smaller_an_old_mariadb_database_differs_from_a_new_one(new_project, server_url, command):
    """Stock Alembic writes CHANGE name nick VARCHAR(20) NULL: another type, and NOT NULL is gone."""
    project = new_project(server_url("mysql+pymysql"))
    project.models = model("nick = db.Column(db.String(50), nullable=False)")
    project.flask("init")
    write_revision(project, "first", CHANGED)
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    project.sql("ALTER TABLE users MODIFY nick VARCHAR(20) NULL")  # as it is after stock Flask-Migrate
    result = project.run(*command)
    assert "nick" in result.output and result.exit_code == 1, result.output
    assert "changes the type of users.nick from VARCHAR(20) to VARCHAR(50)" in result.output


@pytest.mark.parametrize("engine", DRIVERS)
def test_smaller_a_database_at_head_that_differs(new_project, server_url, engine):
    """Only what the revisions create is compared; what has been found to agree is not compared again."""
    project = new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))
    with_table(project, "nick = db.Column(db.String(50), index=True)")
    agrees = "✓ a database at the newest revision has its schema"
    assert agrees in project.flask("verify")
    project.sql("CREATE TABLE by_hand (id INT PRIMARY KEY, nick VARCHAR(20) UNIQUE)")
    assert agrees in project.flask("verify")
    assert agrees in project.flask("verify")
    assert "Nothing to adopt" in project.flask("adopt")
    project.sql("DROP INDEX ix_users_nick" + (" ON users" if engine == "mariadb" else ""))
    for command in ("verify", "adopt"):
        result = project.run(command)
        assert result.exit_code == 1 and "adds the index of users (nick)" in result.output, result.output


def test_smaller_a_database_that_is_not_at_head_is_not_compared(project):
    with_table(project, "nick = db.Column(db.String(50))")
    project.sql("ALTER TABLE users ADD COLUMN by_hand INT")
    project.models = model("nick = db.Column(db.String(50))\nage = db.Column(db.Integer)")
    project.flask("new", "-m", "age")
    assert "a database at the newest revision" not in project.flask("verify")
