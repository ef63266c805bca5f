"""The connections of a command to its shadow database and to the server beside it."""

from collections import Counter

import pytest
from histories import write_revision
from sqlalchemy import Connection, Enum, String, bindparam, create_engine, select, type_coerce
from sqlalchemy.engine.default import DefaultDialect

from flask_safe_migrations import backends, settings

SERVERS = ["postgresql", "mariadb"]
# A revision that ends the sessions in the maintenance database, as a proxy may do.
END_OTHERS = {
    "postgresql": """
def upgrade():
    op.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
               "WHERE datname = 'postgres' AND backend_type = 'client backend'")
def downgrade():
    pass
""",
    "mariadb": """
def upgrade():
    connection = op.get_bind()
    for (number,) in connection.exec_driver_sql(
        "SELECT id FROM information_schema.processlist WHERE db IS NULL AND id <> connection_id()"
    ).all():
        connection.exec_driver_sql(f"KILL {number}")
def downgrade():
    pass
""",
}
SLOW = """
def upgrade():
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("{}")
def downgrade():
    op.drop_table("note")
"""
SLEEP = {"postgresql": "SELECT pg_sleep(2)", "mariadb": "DO SLEEP(2)"}
IDLE = {
    "postgresql": {"options": "-c idle_session_timeout=1000"},
    "mariadb": {"init_command": "SET SESSION wait_timeout = 1"},
}


@pytest.fixture
def connections(monkeypatch):
    """Count the connections to each database."""
    found = Counter()
    connect = DefaultDialect.connect

    def count(self, *args, **arguments):
        found[arguments.get("dbname") or arguments.get("database") or "maintenance"] += 1
        return connect(self, *args, **arguments)

    monkeypatch.setattr(DefaultDialect, "connect", count)
    return found


def shadows(project):
    query = {
        "postgresql": "SELECT datname FROM pg_database",
        "mariadb": "SELECT schema_name FROM information_schema.schemata",
    }[project.url.partition("+")[0]]
    name = project.url.rpartition("/")[2]
    return [found for (found,) in project.sql(query) if found.startswith(f"{name}_shadow_")]


@pytest.mark.parametrize("engine", SERVERS)
def test_a_round_trip_needs_few_connections(started, engine, connections):
    """Each costs milliseconds: over a network and with TLS more than the statements."""
    project = started(engine)
    project.models += "    name = db.Column(db.String(20))\n"
    connections.clear()
    project.flask("new", "-m", "names")
    (shadow,) = [name for name in connections if "_shadow_" in name]
    assert connections[shadow] <= 11  # one to compare, one for each step, and one to look between them
    assert connections["postgres" if engine == "postgresql" else "maintenance"] == 1
    assert not shadows(project)


@pytest.mark.parametrize("engine", SERVERS)
def test_an_upgrade_needs_few_connections(started, engine, connections):
    """In development no database is marked as one that is in use, so the mark is not read."""
    project = started(engine)
    write_revision(project, "note", SLOW.format("SELECT 1"))
    connections.clear()
    project.flask("upgrade")
    assert 0 < connections.total() <= 13  # eight of them look whether the database is ahead of the code


@pytest.mark.parametrize("engine", SERVERS)
def test_the_server_ends_the_connection_that_is_held(started, engine):
    project = started(engine)
    write_revision(project, "ends", END_OTHERS[engine])
    assert "Proved: " in project.flask("new", "--prove")
    assert not shadows(project)


@pytest.mark.parametrize("engine", SERVERS)
def test_the_server_ends_idle_sessions(started, engine):
    project = started(engine)
    project.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": IDLE[engine]}
    project.models += "class Note(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
    write_revision(project, "sleeps", SLOW.format(SLEEP[engine]))
    assert "Proved: " in project.flask("new", "--prove")


@pytest.mark.parametrize("engine", SERVERS)
def test_a_connection_used_again_knows_no_types_of_before(started, engine):
    """To SQLAlchemy's cache of statements, two Enum types of one name are the same."""

    def read(connection: Connection, value: str) -> str | None:
        typed = type_coerce(bindparam("value", type_=String), Enum(value, name="kind"))
        return connection.scalar(select(typed), {"value": value})

    app = started(engine).create_app()
    with (
        app.app_context(),
        settings.activate(settings.Settings.from_app(app)),
        backends.configured().shadow() as shadow,
    ):
        with shadow.connect_again() as first:
            assert read(first, "old") == "old"
        with shadow.connect_again() as second:
            assert second is first
            assert read(second, "new") == "new"


@pytest.mark.parametrize("engine", SERVERS)
def test_ctrl_c_while_the_server_works_for_the_shadow_database(started, engine, monkeypatch):
    """SQLAlchemy gives such a connection up, and refuses each later statement on it."""
    project = started(engine)
    project.models += "    name = db.Column(db.String(20))\n"

    def interrupt(dialect, cursor, statement, *arguments):
        if "DATABASE" in statement and "CREATE" in statement:
            raise KeyboardInterrupt
        return execute(dialect, cursor, statement, *arguments)

    execute = DefaultDialect.do_execute
    monkeypatch.setattr(DefaultDialect, "do_execute", interrupt)
    assert "Interrupted" in project.fails("new", "-m", "names", code=130)
    monkeypatch.setattr(DefaultDialect, "do_execute", execute)
    assert not shadows(project)


LOCK = {"postgresql": "LOCK TABLE item IN ACCESS EXCLUSIVE MODE", "mariadb": "LOCK TABLES item WRITE"}


@pytest.mark.parametrize("engine", SERVERS)
def test_a_table_that_another_session_has_locked(started, engine):
    """By default PostgreSQL and pg_dump wait without a limit, and MariaDB for a day."""
    project = started(engine)
    project.config["MIGRATION_LOCK_TIMEOUT"] = 1
    other = create_engine(project.url)
    with other.connect() as connection:
        connection.exec_driver_sql(LOCK[engine])
        assert "Lock timeout: another session holds a lock" in project.fails("backup")
        reason = project.fails("rebuild")
        assert "Lock timeout" in reason or "is in use by another program" in reason
        if engine == "postgresql":
            assert "Lock timeout" in project.fails("adopt")
    other.dispose()
    assert "Snapshot: " in project.flask("backup")
