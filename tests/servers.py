"""Throwaway database servers: temporary folder, free port, unprivileged user, stopped by process id."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import memory
import psycopg
import pymysql
import pytest

# Every character that has a meaning in a URL or in Alembic's configuration.
HARD_PASSWORD = "p%40s%25s@w/o:r#d?&"
HARD_PASSWORD_IN_URL = "p%2540s%2525s%40w%2Fo%3Ar%23d%3F%26"

LONGEST_WAIT = 240  # seconds for a lock; MariaDB's own limit is a day, PostgreSQL has none


@dataclass
class Server:
    scheme: str
    port: int
    login: str
    process: subprocess.Popen
    start: Callable[[], subprocess.Popen] = field(default=lambda: pytest.fail("cannot be started again"))
    home: Path | None = None  # with its sockets
    discarded: list[str] = field(default_factory=list)

    def url(self, database: str, login: str | None = None) -> str:
        return f"{self.scheme}://{login or self.login}@127.0.0.1:{self.port}/{database}"

    def discard(self, beginning: str) -> None:
        """Drop the databases with such names, now or later; in PostgreSQL each has 8 MB."""
        self.discarded.append(beginning)
        if self.scheme != "postgresql" or len(self.discarded) < 20:
            return
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall():
                if name.startswith(tuple(self.discarded)):
                    connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        self.discarded.clear()

    def kill(self) -> None:
        """`kill -9` for the server and its children, which PostgreSQL has one of per connection."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        self.process.kill()  # first, or it would see its children die and put things in order
        self.process.wait()
        for child in map(int, listed.split()):
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)

    def restart(self) -> None:
        """Start it again after `kill`, on the same port and folder, and wait until it answers."""
        self.process = self.start()


def find(program: str) -> str:
    """Return the program's path; skip the test where it is missing, fail where CI promised it."""
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))[-1:]
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") or next(map(str, debian), None)
    if found is None:
        packages = "postgresql pgbouncer mariadb-server galera-4 rsync chromium sqlite3"
        lacking(f"{program} is not installed: apt install {packages}")
    return found


def lacking(message: str) -> NoReturn:
    """Skip the test because the machine lacks something; fail where CI promised it."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def unprivileged() -> dict:
    """Arguments for subprocess: database servers refuse to run as root."""
    return {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def folder(on_disk: bool = False) -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="server-", dir=memory.DISK if on_disk else None))
    if os.geteuid() == 0:
        shutil.chown(path, "nobody", "nogroup")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(connect: Callable[[], object], process: subprocess.Popen, log: Path) -> None:
    for _ in range(300):
        try:
            connect().close()
            return
        except (psycopg.Error, pymysql.Error):
            assert process.poll() is None, log.read_text()
            time.sleep(0.1)
    raise AssertionError(f"the server does not answer: {log.read_text()}")


def stop(process: subprocess.Popen) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def postgresql(durable: bool = False, data: Path | None = None, log: Path | None = None) -> Iterator[Server]:
    """`durable`: as in production, else nothing waits for a disk; `data`, `log`: other folders."""
    initdb = find("initdb")
    postgres = find("postgres")
    with folder(on_disk=durable) as home:
        (home / "password").write_text("owner")
        (home / "password").chmod(0o644)
        settings = {"cwd": home, "stdout": (home / "log").open("w"), "stderr": subprocess.STDOUT}
        settings |= unprivileged() | {"env": os.environ | {"HOME": str(home), "LC_ALL": "C.UTF-8"}}
        # Of each connection SCRAM is half of the client's work. The user called hard has it.
        login = ["-U", "owner", "-A", "scram-sha-256" if durable else "md5", "--pwfile=password"]
        data = data or home / "data"
        login += [f"--waldir={log}"] if log else []
        subprocess.run([initdb, "-D", data, "-E", "UTF8", *login], check=True, **settings)
        port = free_port()
        command = [postgres, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home]
        # A test that waits for its own lock would wait for ever.
        command += ["-c", f"lock_timeout={LONGEST_WAIT}s"]
        # Autovacuum would visit each of the many databases of the tests once a minute.
        command += [] if durable else ["-F", "-c", "autovacuum=off", "-c", "jit=off"]

        def start() -> subprocess.Popen:
            process = subprocess.Popen(command, **settings)
            url = f"postgresql://owner:owner@127.0.0.1:{port}/postgres"
            wait_for(lambda: psycopg.connect(url), process, home / "log")
            return process

        server = Server("postgresql", port, "owner:owner", start(), start, home)
        try:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                connection.execute("SET password_encryption = 'scram-sha-256'")
                connection.execute(f"CREATE ROLE hard LOGIN CREATEDB PASSWORD '{HARD_PASSWORD}'")
            yield server
        finally:
            server.process.send_signal(signal.SIGINT)  # fast shutdown, whoever is connected
            stop(server.process)


@contextmanager
def pgbouncer(server: Server) -> Iterator[Server]:
    """A pooler in transaction mode before `server`."""
    program = find("pgbouncer")
    with folder() as home:
        port = free_port()
        (home / "ini").write_text(
            f"[databases]\n* = host=127.0.0.1 port={server.port} user=owner password=owner\n"
            f"[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port={port}\nunix_socket_dir=\nauth_type=any\n"
            "pool_mode=transaction\nignore_startup_parameters=extra_float_digits\n"
        )
        (home / "ini").chmod(0o644)
        with (home / "log").open("w") as log:
            process = subprocess.Popen([program, "ini"], cwd=home, stderr=log, stdout=log, **unprivileged())
        pooler = Server("postgresql", port, server.login, process)
        try:
            wait_for(lambda: psycopg.connect(pooler.url("postgres")), process, home / "log")
            yield pooler
        finally:
            stop(process)


@contextmanager
def mariadb(
    durable: bool = False, data: Path | None = None, log: Path | None = None, more: tuple[str, ...] = ()
) -> Iterator[Server]:
    """`durable`: as in production, else it does not wait for the disk; `data`, `log`: other folders."""
    install = find("mariadb-install-db")
    mariadbd = find("mariadbd")
    with folder(on_disk=durable) as home:
        settings = {"cwd": home, "stdout": (home / "log").open("w"), "stderr": subprocess.STDOUT}
        settings |= unprivileged() | {"env": os.environ | {"HOME": str(home)}}
        where = [f"--datadir={data or home / 'data'}"]
        where += [f"--innodb-log-group-home-dir={log}"] if log else []
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        subprocess.run([install, "--no-defaults", *where, *options], check=True, **settings)
        port = free_port()
        command = [mariadbd, "--no-defaults", *where, f"--port={port}", f"--socket={home / 'socket'}"]
        command += ["--bind-address=127.0.0.1", f"--pid-file={home / 'pid'}", "--skip-name-resolve"]
        # A server that starts deletes all temporary tables in its tmpdir, those of other servers too.
        command += [f"--tmpdir={home}", f"--lock-wait-timeout={LONGEST_WAIT}"]
        # Without waiting for the disk, a DDL statement takes half of its time or less.
        fast = ["--innodb-flush-log-at-trx-commit=0", "--innodb-flush-method=nosync", "--debug-no-sync"]
        fast += ["--skip-sync-frm", "--skip-innodb-doublewrite"]
        command += more
        command += [] if durable else fast

        def connect() -> pymysql.Connection:
            return pymysql.connect(host="127.0.0.1", port=port, user="root", read_timeout=30)

        def start() -> subprocess.Popen:
            process = subprocess.Popen(command, **settings)
            wait_for(connect, process, home / "log")
            return process

        server = Server("mariadb", port, "root", start(), start, home)
        try:
            with connect() as connection, connection.cursor() as cursor:
                cursor.execute("CREATE USER hard@'127.0.0.1' IDENTIFIED BY %s", [HARD_PASSWORD])
                cursor.execute("GRANT ALL ON *.* TO hard@'127.0.0.1'")
            yield server
        finally:
            stop(server.process)


@contextmanager
def certificates() -> Iterator[Path]:
    """ca.crt, and signed by it a certificate of the server and one of the client called owner."""
    with folder() as home:
        new = ("-newkey", "rsa:2048", "-nodes")
        _openssl(home, "req", "-x509", *new, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca")
        for name, subject in (("server", "127.0.0.1"), ("client", "owner")):
            _openssl(home, "req", *new, "-keyout", f"{name}.key", "-out", "csr", "-subj", f"/CN={subject}")
            (home / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
            signed = ("-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
            _openssl(home, "x509", "-req", "-in", "csr", *signed, "-out", f"{name}.crt")
            if os.geteuid() == 0:
                shutil.chown(home / f"{name}.crt", "nobody")
                shutil.chown(home / f"{name}.key", "nobody" if name == "server" else "root")
            (home / f"{name}.key").chmod(0o600)
        yield home


def _openssl(folder: Path, *command: object) -> None:
    subprocess.run(["openssl", *map(str, command)], cwd=folder, check=True, capture_output=True)
