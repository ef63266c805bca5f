"""F05: the client programs of a server connect as the application does: same server, same TLS."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pymysql
import pytest
import servers
from project import Bake, BakedProject
from servers import HARD_PASSWORD, HARD_PASSWORD_IN_URL, Server

NAME = "same_dev"
PROGRAMS = ("pg_dump", "pg_restore", "mariadb-dump", "mariadb")


def other_postgresql(server: Server, statement: str) -> list[tuple]:
    """Run a statement in NAME on this server."""
    with psycopg.connect(server.url(NAME), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def on_mariadb(server: Server, statement: str) -> list[tuple]:
    arguments = {"unix_socket": str(server.home / "socket"), "user": "root", "autocommit": True}
    with closing(pymysql.connect(**arguments)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


def watch(project: BakedProject) -> Callable[[], list[str]]:
    """Put scripts before the programs that write down how they are called, and what file they are given."""
    folder = project.path / "programs"
    folder.mkdir()
    seen = folder / "seen"
    for name in PROGRAMS:
        script = f'#!/bin/sh\necho "$*" >> {seen}\nfor given in "$@"; do case "$given" in\n'
        script += (
            f'--defaults-file=*) stat -c %a "${{given#*=}}" >> {seen}; cat "${{given#*=}}" >> {seen};;\n'
        )
        (folder / name).write_text(f'{script}esac; done\nexec {servers.find(name)} "$@"\n')
        (folder / name).chmod(0o755)
    project.env["PATH"] = f"{folder}:{os.environ['PATH']}"
    return lambda: seen.read_text().splitlines()


def configure(project: BakedProject, **settings: object) -> None:
    path = project.path / "settings.py"
    path.write_text("\n".join(f"{name} = {value!r}" for name, value in settings.items()))
    project.env["SETTINGS"] = str(path)


def arguments(project: BakedProject, **connect_args: object) -> None:
    configure(project, SQLALCHEMY_ENGINE_OPTIONS={"connect_args": connect_args})


@pytest.fixture(scope="module")
def second() -> Iterator[Server]:
    with servers.postgresql() as server:
        yield server


@pytest.mark.parametrize("way", ["query", "connect_args", "service", "bind"])
def test_F05_two_servers_of_postgresql(
    bake: Bake, postgresql: Server, second: Server, way: str, tmp_path: Path
) -> None:
    """One address is in the URL, and what leads to the other one is beside it."""
    project = bake()
    first = project.env["DATABASE_URL"] = postgresql.url(NAME)
    project.make("db")
    service = tmp_path / "services"
    service.write_text(f"[second]\nhost={second.home}\nport={second.port}\nuser=owner\npassword=owner\n")
    if way == "query":
        project.env["DATABASE_URL"] = f"{first}?host={second.home}&port={second.port}"
    elif way == "connect_args":
        arguments(project, host=str(second.home), port=second.port)
    elif way == "service":
        project.env |= {"DATABASE_URL": f"postgresql:///{NAME}?service=second", "PGSERVICEFILE": str(service)}
    else:
        there = {"url": first, "connect_args": {"host": str(second.home), "port": second.port}}
        del project.env["DATABASE_URL"]
        project.env["SQLALCHEMY_BINDS"] = json.dumps({"log": there})
    project.make("db")
    table = "users" if way != "bind" else "alembic_version"
    for server in (postgresql, second):
        other_postgresql(server, "CREATE TABLE IF NOT EXISTS mine (server text)")
        other_postgresql(server, f"INSERT INTO mine VALUES ('{server.port}')")
    project.make("backup")
    other_postgresql(second, f"DELETE FROM {table}; DELETE FROM mine")
    project.make("restore", "args=--yes")
    assert other_postgresql(second, "SELECT server FROM mine") == [(str(second.port),)]
    assert len(other_postgresql(second, f"SELECT 1 FROM {table}")) == 1
    assert (str(postgresql.port),) in other_postgresql(postgresql, "SELECT server FROM mine")


def test_F02_a_snapshot_of_another_server(project: BakedProject, postgresql: Server, second: Server) -> None:
    """The databases have one name; the second server answers at a socket and at a port."""
    for url in (postgresql.url(NAME), second.url(NAME), second.url(f"{NAME}?host={second.home}")):
        project.env["DATABASE_URL"] = url
        project.make("db")
        project.make("backup")
    paths = sorted((project.path / "instance" / "backups").iterdir())
    assert len({path.name.split(".")[-2] for path in paths}) == 3
    assert project.make("restore", "args=--yes").out.count(paths[2].name) == 1
    user, password = project.env["DATABASE_URL"].partition("//")[2].partition("@")[0].split(":")
    of_libpq = {"PGUSER": user, "PGPASSWORD": password}
    of_libpq["DATABASE_URL"] = f"{project.env['DATABASE_URL'].partition(':')[0]}:///{NAME}"
    for port, number, host in ((postgresql.port, 0, "PGHOST"), (second.port, 1, "PGHOSTADDR")):
        own = {"PGPORT": str(port), host: "127.0.0.1"}
        out = project.make("restore", "args=--yes", **own, **of_libpq).out
        assert out.count(paths[number].name) == 1, out
    project.sql("DELETE FROM tags")
    sentence = project.flask_fails("db", "restore", paths[0].name, "--yes")
    assert "is a snapshot of another database" in sentence and "--from-another-database" in sentence
    assert project.sql("SELECT count(*) FROM tags") == [(0,)]
    project.flask("db", "restore", paths[0].name, "--yes", "--from-another-database")
    assert project.sql("SELECT count(*) FROM tags") == [(2,)]


@pytest.mark.parametrize("way", ["query", "connect_args"])
def test_F05_tls_of_postgresql(bake: Bake, certificates: Path, second: Server, way: str) -> None:
    """The server takes nobody without TLS and a certificate of a client."""
    project = bake()
    seen = watch(project)
    hba = second.home / "data" / "pg_hba.conf"
    before = hba.read_text()
    with psycopg.connect(second.url("postgres"), autocommit=True) as connection:
        files = {"ssl_cert_file": "server.crt", "ssl_key_file": "server.key", "ssl_ca_file": "ca.crt"}
        for name, file in files.items():
            connection.execute(f"ALTER SYSTEM SET {name} = '{certificates / file}'")
        connection.execute("ALTER SYSTEM SET ssl = on")
        hba.write_text("hostssl all owner all cert\n")
        try:
            connection.execute("SELECT pg_reload_conf()")
            tls = {"sslmode": "verify-full", "sslrootcert": str(certificates / "ca.crt")}
            tls |= {name: str(certificates / f"client.{name[3:].replace('cert', 'crt')}") for name in CLIENT}
            project.env["DATABASE_URL"] = f"postgresql://owner@127.0.0.1:{second.port}/tls_dev"
            if way == "query":
                project.env["DATABASE_URL"] += "?" + "&".join(f"{k}={v}" for k, v in tls.items())
            else:
                arguments(project, **tls)
            project.make("db")
            project.make("backup")
            project.make("restore", "args=--yes")
        finally:
            hba.write_text(before)
            connection.execute("ALTER SYSTEM RESET ALL")
            connection.execute("SELECT pg_reload_conf()")
    calls = [line for line in seen() if "tls_dev" in line]
    assert len(calls) >= 3 and all("sslmode='verify-full'" in call for call in calls)


CLIENT = ("sslcert", "sslkey")


@pytest.mark.parametrize("way", ["query", "connect_args", "file"])
def test_F05_a_socket_of_mariadb(bake: Bake, mariadb: Server, way: str) -> None:
    """Behind the address that is in the URL nobody answers."""
    project = bake()
    seen = watch(project)
    socket = str(mariadb.home / "socket")
    on_mariadb(mariadb, f"CREATE OR REPLACE USER hard@localhost IDENTIFIED BY '{HARD_PASSWORD}'")
    on_mariadb(mariadb, "GRANT ALL ON *.* TO hard@localhost")
    url = f"mariadb://hard:{HARD_PASSWORD_IN_URL}@127.0.0.1:1/{NAME}"
    if way == "query":
        project.env["DATABASE_URL"] = f"{url}?unix_socket={socket}"
    elif way == "connect_args":
        project.env["DATABASE_URL"] = url
        arguments(project, unix_socket=socket)
    else:
        login = f"[mine]\nuser=hard\npassword='{HARD_PASSWORD}'\nsocket={socket}\n"
        (project.path / "my.cnf").write_text(login)
        project.env["DATABASE_URL"] = f"mariadb:///{NAME}"
        arguments(project, read_default_file=str(project.path / "my.cnf"), read_default_group="mine")
    # What the user's own file says is not for this connection.
    (project.path / ".my.cnf").write_text("[client]\nsocket=/nowhere\nuser=nobody\n")
    project.env |= {"HOME": str(project.path), "MYSQL_PWD": "another"}
    project.make("db")
    project.make("backup")
    on_mariadb(mariadb, f"DELETE FROM {NAME}.tags")
    project.make("restore", "args=--yes")
    assert on_mariadb(mariadb, f"SELECT count(*) FROM {NAME}.tags") == [(2,)]
    lines = seen()
    files = [word.partition("=")[2] for line in lines for word in line.split() if "defaults-file" in word]
    assert "600" in lines and "660" not in lines and files and not any(map(os.path.exists, files))
    assert not any(HARD_PASSWORD in line for line in lines if "defaults-file" in line)


@pytest.mark.parametrize("password", ["""a"b'c\\d#e;f=g """, "\\n\\s\\t", "ünï"])
def test_F05_a_password_of_mariadb(bake: Bake, mariadb: Server, password: str) -> None:
    """The file with the login has characters with a meaning; PyMySQL sends a password in Latin-1."""
    project = bake()
    raw = password.encode("latin1")
    with closing(pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root")) as connection:
        connection.query("SET NAMES latin1")
        connection.query(b"CREATE OR REPLACE USER odd@'%' IDENTIFIED BY " + quoted(raw))
        connection.query("GRANT ALL ON *.* TO odd@'%'")
    arguments(project, password=password)
    project.env["DATABASE_URL"] = f"mariadb://odd@127.0.0.1:{mariadb.port}/odd_dev"
    project.make("db")
    project.make("backup")


def quoted(text: bytes) -> bytes:
    return b"'" + text.replace(b"\\", rb"\\").replace(b"'", rb"\'") + b"'"


@pytest.mark.parametrize("way", ["query", "ssl", "arguments"])
def test_F05_tls_of_mariadb(bake: Bake, certificates: Path, way: str) -> None:
    """The server takes this user only with TLS and a certificate."""
    own = {name: str(certificates / f"server.{end}") for name, end in (("cert", "crt"), ("key", "key"))}
    options = tuple(f"--ssl-{name}={path}" for name, path in own.items())
    with servers.mariadb(more=(*options, f"--ssl-ca={certificates / 'ca.crt'}")) as server:
        on_mariadb(server, "CREATE USER tls@'%' REQUIRE X509")
        on_mariadb(server, "GRANT ALL ON *.* TO tls@'%'")
        project = bake()
        seen = watch(project)
        tls = {"ca": "ca.crt", "cert": "client.crt", "key": "client.key"}
        tls = {name: str(certificates / file) for name, file in tls.items()}
        url = project.env["DATABASE_URL"] = f"mariadb://tls@127.0.0.1:{server.port}/tls_dev"
        if way == "query":
            project.env["DATABASE_URL"] = url + "?" + "&".join(f"ssl_{k}={v}" for k, v in tls.items())
        elif way == "ssl":
            arguments(project, ssl=tls)
        else:
            more = {"ssl_verify_cert": True, "ssl_verify_identity": True}
            arguments(project, **{f"ssl_{name}": path for name, path in tls.items()}, **more)
        project.make("db")
        project.make("backup")
        project.make("restore", "args=--yes")
        lines = seen()
        calls = sum("defaults-file" in line for line in lines)
        assert lines.count('ssl-verify-server-cert="1"') == lines.count(f'ssl-ca="{tls["ca"]}"') == calls > 2


def test_F05_what_cannot_be_handed_on_is_refused(bake: Bake, postgresql: Server, mariadb: Server) -> None:
    project = bake()
    for server, given, named in (
        (postgresql, {"sslpassword": "x"}, "sslpassword"),
        (postgresql, {"conninfo": "application_name=x"}, "conninfo="),
        (mariadb, {"bind_address": "127.0.0.1"}, "bind_address"),
    ):
        project.env["DATABASE_URL"] = server.url("refused_dev")
        (project.path / "settings.py").unlink(missing_ok=True)
        arguments(project)
        project.make("db")
        arguments(project, **given)
        sentence = project.flask_fails("db", "backup")
        assert named in sentence and "no snapshots" in sentence
        assert not list((project.path / "instance").glob("backups/*"))
