"""What the library leaves behind in the process or in the database, and what it must not overlook."""

import subprocess
import sys

import pytest
from hand_written import DRIVERS, IDS, create_database, model, upgrade, with_table, write_revision
from sqlalchemy import create_engine, event, make_url

from flask_safe_migrations import backends
from flask_safe_migrations.backends.constraints import normalize_condition
from flask_safe_migrations.backends.mysql.statements import execute_nowait


def test_smaller_an_engine_that_was_handed_in_keeps_no_listener(new_project, server_url):
    from alembic import command

    project = new_project(server_url("mysql+pymysql"))
    project.flask("init")
    project.flask("new", "-m", "first")
    create_database(project.url)
    app = project.create_app()
    engine = create_engine(project.url)
    with app.app_context():
        config = app.extensions["migrate"].migrate.get_config(str(project.migrations))
        config.attributes["connection"] = engine
        command.upgrade(config, "head")
    for each in project.engines(app):
        each.dispose()
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM user").scalar() == 0
    listens = event.contains(engine, "do_execute", execute_nowait)
    engine.dispose()
    assert not listens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("code ~ '^[a-z]+$'", "code ~ '^a-z+$'"),
        ("code <> '\"'", "code <> ''"),
        ("code <> '`'", "code <> ''"),
        ("code <> 'a  b'", "code <> 'a b'"),
        ("code <> 'a - b'", "code <> 'a-b'"),
    ],
)
def test_smaller_conditions_that_differ_in_a_literal_differ(one, other):
    assert normalize_condition(one) != normalize_condition(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\"code\" <> 'x'", "code <> 'x'"),
        ("(a > 1)", "a > 1"),
        ("a>1  AND b<2", "a > 1 AND b < 2"),
        ("[a] > `b`", "a > b"),
    ],
)
def test_smaller_conditions_that_differ_in_quotes_and_blanks_are_equal(one, other):
    assert normalize_condition(one) == normalize_condition(other)


@pytest.mark.parametrize(
    "named",
    [True, False],
    ids=["named", "unnamed"],
)
def test_smaller_adopt_reports_a_check_that_differs_in_a_literal(project, named):
    name = "CONSTRAINT ck_users_code " if named else ""
    project.sql(
        "CREATE TABLE users (id INTEGER NOT NULL, code VARCHAR(9), "
        f"CONSTRAINT pk_users PRIMARY KEY (id), {name}CHECK (code GLOB '[a-z]*'))"
    )
    project.models = f"""
class User(db.Model):
    __tablename__ = "users"
{IDS}    code = db.Column(db.String(9))
    __table_args__ = (db.CheckConstraint("code GLOB 'a-z*'", name="code"),)
"""
    project.flask("new", "-m", "first")
    result = project.run("adopt", "--yes")
    assert "[a-z]*" in result.output, result.output


@pytest.mark.parametrize("engine", DRIVERS)
def test_smaller_a_check_is_changed_in_a_literal_only(new_project, server_url, engine):
    project = new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))
    columns = 'code = db.Column(db.String(9))\n__table_args__ = (db.CheckConstraint("{}", name="code"),)'
    with_table(project, columns.format("code <> '[a]'"))
    project.models = model(columns.format("code <> 'a'"))
    project.flask("new", "-m", "changed")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    project.sql("INSERT INTO users (code) VALUES ('[a]')")


def test_smaller_importing_the_library_leaves_the_filters_of_warnings():
    code = (
        "import warnings, alembic.autogenerate, alembic.runtime.plugins, flask_migrate, flask_sqlalchemy; "
        "before = list(warnings.filters); import flask_safe_migrations.environment; "
        "import flask_safe_migrations.autogenerate.compare; assert warnings.filters == before"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_smaller_a_database_that_cannot_be_marked(new_project, server_url, monkeypatch):
    """The marker protects a database in use from `flask db rebuild`: without it, a notice is due."""
    project = new_project(server_url("postgresql+psycopg"))
    with_table(project, "nick = db.Column(db.String(20))")
    project.sql("DROP TABLE IF EXISTS migration_marker")
    role = make_url(project.url).database
    project.sql(f"CREATE ROLE {role} LOGIN PASSWORD 'app'")
    project.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}")
    write_revision(project, "rows", upgrade("op.execute(\"UPDATE users SET nick = 'x'\")"))
    owner = project.url
    url = make_url(owner).set(username=role, password="app")
    project.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
    monkeypatch.setenv("FLASK_DEBUG", "0")
    try:
        out = project.flask("upgrade")
    finally:
        project.config["SQLALCHEMY_DATABASE_URI"] = owner
        project.sql(f"DROP OWNED BY {role}")
        project.sql(f"DROP ROLE {role}")
    assert "rows (rows)" in out
    assert "migration_marker" in out


@pytest.mark.parametrize(
    ("name", "schema"), [("my.mood", None), ("my.mood", "my.log"), ("50% mood", None), ("m" * 63, None)]
)
def test_smaller_an_enum_type_whose_name_has_a_dot(new_project, server_url, name, schema):
    project = new_project(server_url("postgresql+psycopg"))
    column = f"mood = db.Column(db.Enum({{}}, name={name!r}, schema={schema!r}))"
    place = f"\n__table_args__ = {{{{'schema': {schema!r}}}}}" if schema else ""
    with_table(project, (column + place).format("'good', 'bad'"))
    project.models = model((column + place).format("'bad', 'good'"))
    assert "Proved: up, down and up again" in project.flask("new", "-m", "other moods")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


@pytest.mark.parametrize("engine", DRIVERS)
def test_smaller_a_percent_sign_in_the_name_of_a_column(new_project, server_url, engine):
    """The names of its index and constraint have one too, and are renamed."""
    project = new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))
    columns = (
        "one = db.Column({!r}, db.String(9), index=True)\ntwo = db.Column({!r}, db.String(9), unique=True)"
    )
    with_table(project, columns.format("1%", "2% :x"))
    project.models = model(columns.format("1%%", "3% :x"))
    answers = ["--rename", "users.1%:1%%", "--rename", "users.2% :x:3% :x"]
    out = project.flask("new", "-m", "names", *answers)
    assert "Proved: up, down and up again" in out
    assert "%%%" not in out
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


def test_smaller_an_object_id_that_an_extension_has_in_another_catalog(new_project, server_url):
    """Only together with the catalog it says which object belongs to the extension."""
    project = new_project(server_url("postgresql+psycopg"))
    with_table(project, "mood = db.Column(db.Enum('good', name='mood'))")
    project.sql(
        "SET allow_system_table_mods = on; INSERT INTO pg_depend "
        "SELECT 'pg_cast'::regclass, found.id, 0, 'pg_extension'::regclass, x.oid, 0, 'e' "
        "FROM pg_extension x, (VALUES ('users'::regclass::oid), ('mood'::regtype::oid)) AS found (id)"
    )
    database = backends.of(project.url)
    try:
        with database.connect() as connection:
            assert {"table users", "enum mood"} <= database.schema(connection).keys()
            assert "enum" in {each.kind for each in database.schema_objects(connection)}
            assert not {"users", "mood"} & database.normalizer.of_extensions(connection)
    finally:
        project.sql(
            "SET allow_system_table_mods = on; DELETE FROM pg_depend WHERE classid = 'pg_cast'::regclass"
            " AND deptype = 'e'"
        )


def test_smaller_a_table_with_system_versioning(new_project, server_url):
    """information_schema lists it as another kind of table."""
    project = new_project(server_url("mysql+pymysql"))
    with_table(project, "nick = db.Column(db.String(20))")
    project.sql("ALTER TABLE users ADD SYSTEM VERSIONING")
    project.sql("INSERT INTO users (nick) VALUES ('a')")
    database = backends.of(project.url)
    with database.connect() as connection:
        assert "WITH SYSTEM VERSIONING" in database.schema(connection)["table users"].text
        assert database.counter_sql(connection) == {"users": "ALTER TABLE `users` AUTO_INCREMENT = 2"}


@pytest.mark.parametrize("engine", DRIVERS)
def test_smaller_a_percent_sign_in_a_warning_and_in_an_error(new_project, server_url, engine):
    project = new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))
    with_table(project, "nick = db.Column(db.String(20))")
    lines = ["op.execute(\"UPDATE users SET nick = '5%'\")", "op.execute(\"UPDATE missing SET nick = '5%'\")"]
    path = write_revision(project, "second", upgrade(lines[0]))
    path.write_text(path.read_text().replace("SET nick", "SET nick /* 6% */"))
    assert "6% */ = '5%';" in project.flask("new", "--prove")
    path.write_text(path.read_text().replace("users", "missing"))
    sentence = project.fails("new", "--prove")
    assert "SET nick /* 6% */ = '5%'." in sentence


@pytest.mark.parametrize("statement", ["DROP SCHEMA crm CASCADE", "DROP TABLE {table}"])
def test_H66_rows_of_every_schema_are_counted(project_on, monkeypatch, statement):
    """Where the file does not name what it drops."""
    project = project_on("postgresql")
    project.models = ""
    create = 'op.execute("CREATE SCHEMA crm")\n    op.execute("CREATE TABLE crm.customer (name TEXT)")'
    write_revision(project, "start", f"def upgrade():\n    {create}\n")
    write_revision(
        project, "back", f"def upgrade():\n    pass\ndef downgrade():\n    op.execute(f{statement!r})\n"
    )
    project.flask("upgrade")
    project.sql("INSERT INTO crm.customer VALUES ('Ada')")
    monkeypatch.setenv("FLASK_DEBUG", "0")
    assert "crm.customer" in project.fails("downgrade")
    assert project.sql("SELECT name FROM crm.customer") == [("Ada",)]
