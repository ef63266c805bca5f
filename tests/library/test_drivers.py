"""Migrations run on psycopg, psycopg2, PyMySQL and mysqlclient; other drivers are refused in one sentence."""

import importlib.util
import sys
import threading
import time

import pytest
import servers
from servers import lacking
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
        lacking(f"{DRIVERS[request.param]} is not installed: .ci/run installs it")
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


@pytest.mark.parametrize("driver", ["pymysql", "mysqldb"])
@pytest.mark.parametrize("way", ["query", "connect_args", "socket"])
def test_snapshots_on_a_server_that_requires_tls(new_project, certificates, driver, way):
    """The user needs a certificate, and on a socket nothing but the right name."""
    if importlib.util.find_spec(DRIVERS[f"mysql+{driver}"]) is None:
        lacking(f"{driver} is not installed: .ci/run installs it")
    own = {name: certificates / f"server.{end}" for name, end in (("cert", "crt"), ("key", "key"))}
    options = [f"--ssl-{name}={path}" for name, path in own.items()]
    with servers.mariadb(more=(*options, f"--ssl-ca={certificates / 'ca.crt'}")) as server:
        project = new_project(f"mysql+{driver}://root@127.0.0.1:{server.port}/mysql")
        project.sql("CREATE USER tls@'%' REQUIRE X509")
        project.sql("CREATE USER tls@localhost IDENTIFIED BY 'a%s;#\\'\"b'")
        for host in ("%", "localhost"):
            project.sql(f"GRANT ALL ON *.* TO tls@'{host}'")
        tls = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key"}
        files = {name: str(certificates / file) for name, file in tls.items()}
        url = make_url(f"mysql+{driver}://tls@127.0.0.1:{server.port}/library_tls_dev")
        if way == "query":
            url = url.update_query_dict({f"ssl_{name}": path for name, path in files.items()})
        elif way == "connect_args":
            project.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"ssl": files}}
        else:
            url = url.set(host="localhost", port=1, password="a%s;#'\"b")
            url = url.update_query_dict({"unix_socket": str(server.home / "socket")})
        project.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
        project.flask("init")
        project.flask("new", "-m", "users")
        project.flask("upgrade")
        project.flask("backup")
        project.flask("downgrade", "--yes")
        project.flask("restore", "--yes")
        assert "Pending   nothing" in project.flask("status")


def test_a_file_of_options_is_not_for_the_programs_of_mysqlclient(new_project, server_url, tmp_path):
    if importlib.util.find_spec("MySQLdb") is None:
        lacking("mysqlclient is not installed: .ci/run installs it")
    project = new_project(server_url("mysql+mysqldb"))
    project.flask("init")
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    (tmp_path / "my.cnf").write_text("[client]\n")
    options = {"connect_args": {"read_default_file": str(tmp_path / "my.cnf")}}
    project.config["SQLALCHEMY_ENGINE_OPTIONS"] = options
    sentence = project.fails("backup")
    assert "read_default_file" in sentence and "write what it says into the URL" in sentence


def test_a_database_is_made_with_a_short_connect_timeout(served):
    served.config["SQLALCHEMY_DATABASE_URI"] += (
        "&connect_timeout=1" if "?" in served.url else "?connect_timeout=1"
    )
    served.flask("upgrade")
    assert "Pending   nothing" in served.flask("status")


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
        output = served.fails("upgrade")
    engine.dispose()
    assert "Lock timeout: another session holds a lock that this needs: ALTER TABLE" in output, output
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
    output = served.fails("upgrade")
    thread.join()
    assert killed
    assert "hung up: see whether it runs, then try again" in output


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
    output = project.fails("upgrade")
    assert "The driver of postgresql+psycopg2:// is not installed: `pip install 'psycopg2-binary'`" in output


@pytest.mark.parametrize(
    ("search_path", "schema"),
    [
        ("App,public", "app"),
        ('"App",public', "App"),
        ("$user,public", "public"),
    ],
)
def test_F04_the_first_schema_of_the_search_path_as_the_server_reads_it(
    new_project, server_url, search_path, schema
):
    """A name without quotes is in lower case; "$user" is not created."""
    project = new_project(server_url("postgresql+psycopg"))
    url = make_url(project.url).update_query_dict({"options": f"-csearch_path={search_path}"})
    project.config["SQLALCHEMY_DATABASE_URI"] = url.render_as_string(hide_password=False)
    project.flask("init")
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    tables = project.sql("SELECT schemaname FROM pg_tables WHERE tablename = 'user'")
    assert tables == [(schema,)]
    created = project.sql("SELECT nspname FROM pg_namespace WHERE nspname ~* '^(app|.user)$'")
    assert created == ([(schema,)] if schema != "public" else [])
