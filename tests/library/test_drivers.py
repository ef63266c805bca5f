"""Migrations run on psycopg, psycopg2, PyMySQL and mysqlclient; other drivers are refused in one sentence."""

import importlib.util
import sys
import threading
import time

import pytest
from sqlalchemy import create_engine, make_url, text

from flask_safe_migrations.backends import server

DRIVERS = {
    "postgresql+psycopg": "psycopg",
    "postgresql+psycopg2": "psycopg2",
    "mysql+pymysql": "pymysql",
    "mysql+mysqldb": "MySQLdb",
}
KILL = {
    "postgresql": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE query LIKE 'SELECT pg_sleep%'",
    "mysql": "SELECT concat('KILL ', id) FROM information_schema.processlist WHERE info LIKE 'SELECT sleep%'",
}
SLEEP = {"postgresql": "SELECT pg_sleep(20)", "mysql": "SELECT sleep(20)"}


@pytest.fixture(params=DRIVERS)
def served(request, new_project, server_url):
    """A project on a server, by one of the drivers."""
    if importlib.util.find_spec(DRIVERS[request.param]) is None:
        pytest.skip(f"{DRIVERS[request.param]} is not installed")  # mysqlclient has no wheel for Linux
    project = new_project(server_url(request.param))
    project.flask("init")
    project.flask("new", "-m", "users")
    return project


def write_revision(project, body: str) -> None:
    project.flask("revision", "-m", "by hand", "--rev-id", "byhand")
    (path,) = project.migrations.glob("versions/byhand*.py")
    path.write_text(path.read_text().replace("    pass", f"    {body}", 1))


def test_a_day_of_work(served):
    served.flask("upgrade")
    served.sql(f"INSERT INTO {user(served)} VALUES (1, 'a%s@x')")
    served.models = served.models.replace("unique=True)", "unique=True)\n    age = db.Column(db.Integer)")
    served.flask("new", "-m", "age, 100%")
    served.flask("upgrade")
    assert "Pending   nothing" in served.flask("status")
    served.flask("backup")
    served.flask("downgrade", "--yes")
    served.flask("restore", "--yes")
    assert "Pending   nothing" in served.flask("status")
    assert served.sql(f"SELECT email, age FROM {user(served)}") == [("a%s@x", None)]
    assert "✗" not in served.flask("verify")
    served.flask("squash", "--yes")
    served.flask("rebuild")


def user(project) -> str:
    """The table, quoted: its name is a word of SQL."""
    return '"user"' if project.url.startswith("postgresql") else "`user`"


def test_a_lock_that_is_not_to_be_had_in_time(served, monkeypatch):
    served.flask("upgrade")
    monkeypatch.setattr(server, "TRIES", 1)
    served.config["MIGRATION_STATEMENT_LOCK_TIMEOUT"] = 1
    served.models = served.models.replace("unique=True)", "unique=True)\n    age = db.Column(db.Integer)")
    served.flask("new", "-m", "age")
    engine = create_engine(served.url)
    with engine.connect() as connection:
        connection.execute(text(f"SELECT * FROM {user(served)}"))
        if served.url.startswith("postgresql"):
            connection.execute(text('LOCK TABLE "user" IN ACCESS SHARE MODE'))
        said = served.fails("upgrade")
    engine.dispose()
    assert "Gave way: somebody holds a lock that this needs: ALTER TABLE" in said, said
    served.flask("upgrade")


def test_a_connection_that_is_lost(served):
    engine = served.url.partition("+")[0]
    write_revision(served, f"op.execute({SLEEP[engine]!r})")
    killed = []

    def kill() -> None:
        for _ in range(200):
            time.sleep(0.1)
            try:
                rows = served.sql(KILL[engine])
                if engine == "mysql" and rows:
                    served.sql(rows[0][0])
            except Exception:  # the database does not exist yet
                continue
            if rows:
                killed.append(rows)
                return

    thread = threading.Thread(target=kill)
    thread.start()
    said = served.fails("upgrade")
    thread.join()
    assert killed
    assert "hung up: see whether it runs, then try again" in said


def test_a_wrong_password_and_a_server_that_is_not_there(served):
    url = make_url(served.url).set(username="hard", password="wrong")
    served.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
    assert "refuses the password of hard" in served.fails("upgrade")
    served.config["SQLALCHEMY_DATABASE_URI"] = url.set(port=1).render_as_string(hide_password=False)
    assert "does not answer" in served.fails("upgrade")


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql+asyncpg://h/d", "driver asyncpg: use postgresql+psycopg:// or postgresql+psycopg2://"),
        ("postgresql+pg8000://h/d", "driver pg8000: use postgresql+psycopg:// or postgresql+psycopg2://"),
        ("sqlite+aiosqlite:///x.db", "driver aiosqlite: use sqlite+pysqlite:// for"),
        ("mysql+mysqlconnector://h/d", "driver mysqlconnector: use mysql+pymysql:// or mysql+mysqldb://"),
        ("mariadb+asyncmy://h/d", "driver asyncmy: use mariadb+pymysql:// or mariadb+mysqldb://"),
        ("oracle://h/d", "Migrations do not run on oracle: flask-safe-migrations knows SQLite"),
    ],
)
def test_other_drivers_are_refused(project, url, sentence):
    project.config["MIGRATION_DATABASE_URL"] = url
    assert sentence in project.fails("upgrade")


def test_a_driver_that_is_not_installed(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    project.config["MIGRATION_DATABASE_URL"] = "postgresql+psycopg2://h/d"
    said = project.fails("upgrade")
    assert "The driver of postgresql+psycopg2:// is not installed: `pip install 'psycopg2-binary'`" in said
