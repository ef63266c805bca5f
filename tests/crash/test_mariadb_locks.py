"""H50 on MariaDB: a migration that needs a lock which somebody holds gives way, and comes back."""

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pymysql
import pytest
from project import Bake, BakedProject
from test_deployments import finish, longest_wait, start

ROWS = """
def upgrade():
    op.execute("CREATE TABLE before_it (id INT PRIMARY KEY)")
    op.execute("INSERT INTO before_it VALUES (1)")
    op.execute("ALTER TABLE users ADD COLUMN phone VARCHAR(30)")
    op.execute("INSERT INTO before_it VALUES (2)")
"""

SETTINGS = """
def upgrade():
    op.execute("CREATE TABLE s (a INT, b INT)")
    op.execute("INSERT INTO s SELECT @@lock_wait_timeout, @@innodb_lock_wait_timeout")
"""
# In place, by a copy, and a table that names it.
BUSY = """
def upgrade():
    for number in range(10):
        op.execute(f"ALTER TABLE users ADD COLUMN c{number} INT")
        op.execute(f"CREATE INDEX i{number} ON users (c{number})")
        op.execute(f"ALTER TABLE users MODIFY c{number} VARCHAR(9)")
        op.execute(f"CREATE TABLE t{number} (u INT, FOREIGN KEY (u) REFERENCES users (id))")
"""


@pytest.fixture
def shop(on: Bake) -> BakedProject:
    project = on("mariadb")
    project.make("db")
    project.write_revision("phone", ROWS)
    return project


def connect(project: BakedProject, **options: object) -> closing[pymysql.Connection]:
    port, _, name = project.url.rpartition(":")[2].partition("/")
    return closing(pymysql.connect(host="127.0.0.1", port=int(port), user="root", database=name, **options))


def test_H50_a_migration_gives_way_to_a_long_transaction_and_comes_back(shop: BakedProject) -> None:
    """Readers queue behind a waiting ALTER: never for longer than the lock timeout."""
    project = shop
    with connect(project) as long, connect(project, autocommit=True) as other:
        long.query("UPDATE users SET name = name")
        reader = other.cursor()
        migration = start(project, MIGRATION_STATEMENT_LOCK_TIMEOUT="1")
        longest = longest_wait(10, lambda: reader.execute("SELECT count(*) FROM users"))
        assert migration.poll() is None, migration.communicate()
        long.commit()
        ((code, out),) = finish([migration])
    assert code == 0, out
    assert "Lock timeout" in out and "Trying again" in out and "ALTER TABLE users" in out
    assert "the oldest transaction is that of process" in out
    assert "Taking up phone where it stopped: 2 of its statements have run" in out
    assert 0.5 < longest < 3
    assert project.sql("SELECT id FROM before_it ORDER BY id") == [(1,), (2,)]
    assert project.revision == "phone"


def test_H50_after_ten_tries_it_gives_up_and_the_next_run_goes_on(shop: BakedProject) -> None:
    project = shop
    with connect(project) as long:
        long.query("SELECT * FROM users FOR UPDATE")
        out = project.flask("db", "upgrade", check=False, MIGRATION_STATEMENT_LOCK_TIMEOUT="0.1").out
        long.rollback()
    assert out.count("Trying again") == 9 and "Traceback" not in out, out
    assert project.revision == "3f1d9a62c0b7"
    project.make("migrate")
    assert project.sql("SELECT id FROM before_it ORDER BY id") == [(1,), (2,)]


def test_the_application_keeps_what_it_sets_on_its_connections(shop: BakedProject) -> None:
    """Its init_command comes after the limits of a migration, so it may set them as well."""
    project = shop
    options = {
        "connect_args": {
            "init_command": "SET SESSION innodb_lock_wait_timeout = 7, auto_increment_offset = 1"
        }
    }
    (project.path / "settings.py").write_text(f"SQLALCHEMY_ENGINE_OPTIONS = {options!r}\n")
    project.write_revision("settings", SETTINGS)
    project.flask("db", "upgrade", SETTINGS=str(project.path / "settings.py"))
    assert project.sql("SELECT a, b FROM s") == [(5, 7)]


def test_without_a_limit_the_server_decides(shop: BakedProject) -> None:
    project = shop
    project.write_revision("settings", SETTINGS)
    project.flask("db", "upgrade", MIGRATION_STATEMENT_LOCK_TIMEOUT="0")
    assert project.sql("SELECT a FROM s") == project.sql("SELECT @@lock_wait_timeout")


def test_P10_no_transaction_of_the_application_ends_where_there_is_a_gap_between_them(
    shop: BakedProject,
) -> None:
    """One that has read a table and then writes to it is what MariaDB ends for an ALTER that waits."""
    project = shop
    shop.write_revision("busy", BUSY)
    # On a busy machine a statement may take longer than the second after which it has to wait.
    long_enough = (
        "from flask_safe_migrations.backends.mysql import statements\n\n"
        "statements.NOWAIT_SECONDS = statements.NOWAIT_LIMITS['max_statement_time'] = 60\n"
    )
    project.edit(project.path / "migrations" / "env.py", "environment = ", f"{long_enough}environment = ")
    project.env["MIGRATION_STATEMENT_LOCK_TIMEOUT"] = "60"
    over = threading.Event()

    def serve(number: int) -> int:
        with connect(project) as connection:
            cursor = connection.cursor()
            for done in itertools.count():
                cursor.execute("SELECT * FROM users WHERE id = %s", (number,))
                time.sleep(0.01)
                cursor.execute("UPDATE users SET name = %s WHERE id = %s", (f"{number} {done}", number))
                connection.commit()
                time.sleep(0.01)
                if over.is_set():
                    return done

    with ThreadPoolExecutor() as pool:
        served = [pool.submit(serve, number) for number in (1, 2)]
        try:
            project.flask("db", "upgrade")
        finally:
            over.set()
    assert all(each.result() > 20 for each in served)  # error 1213 is raised here
    assert project.revision == "busy"
