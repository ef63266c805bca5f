"""MariaDB: a new database takes the place of the old one, whatever is in it and whoever is killed."""

import time

import pymysql
from kills import KILLS
from project import Bake
from servers import Server
from test_kill_rebuild import leftovers

STEP = "1" if KILLS >= 100 else "3"  # statements of the swap from one kill to the next

# The process is killed before each single statement of the swap, one after the other.
EVERY_STATEMENT = """
import os, signal, sys
from flask_safe_migrations import backends as engines
from flask_safe_migrations.backends.mysql import lifecycle, stored_objects
from my_app import create_app
from flask_safe_migrations.urls import parse_url

rows = stored_objects.rows
CODE = [
    "CREATE TABLE parents (id INT PRIMARY KEY, name VARCHAR(20))",
    "CREATE SEQUENCE numbers START WITH {first} NOCACHE",
    "CREATE TABLE children (id INT PRIMARY KEY DEFAULT nextval(numbers), parent_id INT NOT NULL,"
    " CONSTRAINT fk_parent FOREIGN KEY (parent_id) REFERENCES parents (id) ON DELETE CASCADE)",
    "CREATE TABLE log (what VARCHAR(40))",
    "CREATE FUNCTION twice(n INT) RETURNS INT DETERMINISTIC RETURN n * 2",
    "CREATE VIEW b_view AS SELECT id, twice(id) AS double_id, name FROM parents",
    # it needs b_view, and comes before it by its name
    "CREATE VIEW a_view AS SELECT * FROM b_view WHERE name LIKE '%{kind}%'",
    "CREATE TRIGGER remember AFTER INSERT ON parents FOR EACH ROW"
    " INSERT INTO log VALUES (concat('{kind} ', NEW.name))",
    "CREATE EVENT later ON SCHEDULE EVERY 1 YEAR DO DELETE FROM log",
    "INSERT INTO parents VALUES (1, '{kind} one'), (2, '{kind} two')",
    "INSERT INTO children (parent_id) VALUES (1), (1), (2)",
]


def fill(kind, first, extra=()):
    def run(new):
        with new.create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
            for statement in (*CODE, *extra):
                rows(connection, statement.replace("{kind}", kind).replace("{first}", str(first)))
    return run


def killed_before(number, call):
    if pid := os.fork():
        status = os.waitpid(pid, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, status
        return os.WIFSIGNALED(status)
    counter = iter(range(number))
    def counting(*arguments):
        if next(counter, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return rows(*arguments)
    stored_objects.rows = lifecycle.rows = counting
    code = 1
    try:
        call()
        code = 0
    finally:
        os._exit(code)


database = engines.of(parse_url(sys.argv[1], None))
with create_app().app_context():
    # The old database has a view where the new one has a table, and things that the new one has not.
    old = fill("old", 1, ["CREATE VIEW later AS SELECT 1 AS one", "CREATE VIEW gone AS SELECT 1 AS one"])
    new = fill("new", 100, ["CREATE TABLE later (id INT)"])
    number, undone, killed = 0, [], None
    while True:
        database.rebuild(old)
        with database.connect_to_maintenance() as connection:
            left = [name for (name,) in rows(connection, "SHOW DATABASES") if name.startswith(database.name)]
            assert left == [database.name], left
        if killed is False:
            break
        killed = killed_before(number, lambda: database.rebuild(new))
        with database.connect() as connection:
            def one(sql):
                return rows(connection, sql)[0][0]
            kind = one("SELECT name FROM parents WHERE id = 1").removesuffix(" one")
            assert rows(connection, "SELECT name FROM parents") == [(f"{kind} one",), (f"{kind} two",)]
            assert one("SELECT count(*) FROM children JOIN parents ON parents.id = parent_id") == 3
            undone.append(kind)
        database.prepare()  # the first thing of every migration
        with database.connect() as connection:
            names = lambda sql: sorted(name for (name,) in rows(connection, sql))
            tables = {"new": ["later"], "old": []}[kind] + ["children", "log", "numbers", "parents"]
            assert names("SELECT table_name FROM information_schema.tables WHERE table_schema = database() "
                "AND table_type <> 'VIEW' AND table_name <> 'migration_lock'"  # the note of a killed holder
                ) == sorted(tables), (number, kind)
            views = {"new": [], "old": ["gone", "later"]}[kind] + ["a_view", "b_view"]
            assert names("SELECT table_name FROM information_schema.views WHERE table_schema = database()"
                ) == sorted(views), (number, kind)
            rows(connection, "INSERT INTO parents VALUES (3, 'three')")
            assert rows(connection, "SELECT what FROM log WHERE what LIKE '% three'") == [(f"{kind} three",)]
            assert rows(connection, "SELECT double_id FROM a_view") == [(2,), (4,)]
            rows(connection, "INSERT INTO children (parent_id) VALUES (3)")
            assert one("SELECT max(id) FROM children") == {"old": 4, "new": 103}[kind]
            rows(connection, "DELETE FROM parents WHERE id = 1")
            assert one("SELECT count(*) FROM children") == 2
            assert names("SELECT event_name FROM information_schema.events WHERE event_schema = database()"
                ) == ["later"]
            connection.rollback()
        number += int(sys.argv[2])
print(number, "statements,", undone.count("old"), "old,", undone.count("new"), "new")
"""


def test_the_swap_on_mariadb_is_killed_before_each_of_its_statements(bake: Bake, mariadb: Server) -> None:
    project = bake(database="mariadb")
    url = mariadb.url(f"swap_{time.monotonic_ns()}_dev")
    (project.path / "killed.py").write_text(EVERY_STATEMENT)
    out = project.run(project.python, "killed.py", url, STEP, FLASK_DEBUG="1").out
    print(out)
    count = int(out.split(" statements")[0].rsplit(None, 1)[-1])
    assert count > 20 and ", 0 old" not in out and ", 0 new" not in out


def test_a_table_of_another_database_that_refers_to_this_one(bake: Bake, mariadb: Server) -> None:
    """It would follow the old table, and be left without one."""
    project = bake(database="mariadb")
    name = f"shop_{time.monotonic_ns()}_dev"
    project.env["DATABASE_URL"] = mariadb.url(name)
    project.make("db")
    project.sql(f"CREATE DATABASE other_{name}")
    project.sql(f"CREATE TABLE other_{name}.mine (id INT, FOREIGN KEY (id) REFERENCES {name}.users (id))")
    out = project.flask("db", "rebuild", check=False).out.splitlines()[-1]
    assert f"other_{name}.mine" in out
    assert project.sql("SELECT name FROM users") == [("Ada",)] and leftovers(project) == []


def test_a_transaction_in_the_way_of_the_swap(bake: Bake, mariadb: Server) -> None:
    """The development server with a transaction open: one sentence, and the triggers are there as before."""
    project = bake(database="mariadb")
    project.env["DATABASE_URL"] = mariadb.url(f"shop_{time.monotonic_ns()}_dev")
    project.make("db")
    project.sql("CREATE TRIGGER mine BEFORE INSERT ON tags FOR EACH ROW SET NEW.name = 'triggered'")
    name = project.url.rpartition("/")[2]
    with pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root", database=name) as other:
        other.cursor().execute("SELECT * FROM users")
        out = project.flask("db", "rebuild", check=False)
    assert out.returncode == 1 and "in use by another program" in out.out and "Traceback" not in out.out
    project.sql("INSERT INTO tags (name) VALUES ('x')")
    assert ("triggered",) in project.sql("SELECT name FROM tags") and leftovers(project) == []


def test_code_that_cannot_be_made_is_named(bake: Bake, mariadb: Server) -> None:
    project = bake(database="mariadb")
    project.env["DATABASE_URL"] = mariadb.url(f"shop_{time.monotonic_ns()}_dev")
    body = 'def upgrade():\n    op.execute("CREATE TABLE t (id INT)")\n'
    body += '    op.execute("CREATE VIEW broken AS SELECT id FROM t")\n    op.execute("DROP TABLE t")\n'
    project.write_revision("broken", body)
    out = project.flask("db", "rebuild", check=False).out.splitlines()[-1]
    assert "broken" in out and "Traceback" not in out
