"""Snapshots of MariaDB and MySQL. The server's programs make them and connect as the driver does."""

import os
import ssl
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from .. import client_programs
from ..server import Server
from .lock import TABLE as LOCK_TABLE

FILES = ("ca", "capath", "cert", "key", "cipher")
UNENCRYPTED = "use a key without a password"
# Arguments that a driver supports and the programs do not, and what to use instead.
REFUSED = {
    "auth_plugin_map": "use a user with another way to log in",
    "bind_address": "let the system choose the address",
    "server_public_key": "use TLS",
    "server_public_key_path": "use TLS",
    "ssl_key_password": UNENCRYPTED,
}


def save(database: Server, target: Path) -> None:
    program = client_programs.find("mariadb-dump", "mysqldump")
    # The journal is part of the saved state. The lock is not: it belongs to the saving process.
    options = ["--single-transaction", "--routines", "--triggers", "--events", f"--result-file={target}"]
    options.append(f"--ignore-table={database.name}.{LOCK_TABLE}")
    with _login(database, program) as login:
        command = [program, *login, *options, database.name]
        client_programs.run(command, f"Saving {database.name}", target=target)


def load(database: Server, source: Path) -> None:
    program = client_programs.find("mariadb", "mysql")
    with _login(database, program) as login:
        client_programs.run([program, *login, database.name], f"Loading {source.name}", source=source)


@contextmanager
def _login(database: Server, program: str) -> Iterator[list[str]]:
    """Write an option file that only its owner can read.

    The programs read no other option file, because its values might take precedence.
    """
    lines = [_line(*setting) for setting in _settings(database, program).items()]
    with tempfile.NamedTemporaryFile(prefix="client-", suffix=".cnf") as file:
        file.write(b"".join([b"[client]\n", *lines]))
        file.flush()
        yield [f"--defaults-file={file.name}", "--default-character-set=utf8mb4"]


def _line(name: str, value: str | bytes) -> bytes:
    """https://mariadb.com/kb/en/configuring-mariadb-with-option-files/#escape-sequences"""
    text = value if isinstance(value, bytes) else os.fsencode(value)
    for character, escaped in ((b"\\", rb"\\"), (b'"', rb"\""), (b"\n", rb"\n"), (b"\r", rb"\r")):
        text = text.replace(character, escaped)
    return name.encode() + b'="' + text + b'"\n'


def _settings(database: Server, program: str) -> dict[str, str | bytes]:
    arguments = client_programs.arguments(database)
    for name, instead in REFUSED.items():
        if arguments.get(name):
            raise client_programs.refuse(database, name, instead)
    of_driver = _of_mysqlclient if database.url.get_driver_name() == "mysqldb" else _of_pymysql
    return of_driver(database, arguments, program)


def _of_mysqlclient(database: Server, arguments: dict[str, Any], program: str) -> dict[str, str | bytes]:
    """The programs use the same C library, and choose between socket and TCP by the same rules."""
    for name in ("read_default_file", "read_default_group"):  # the programs would read other groups too
        if arguments.get(name):
            raise client_programs.refuse(database, name, "write what it says into the URL")
    given = {**arguments, "password": arguments.get("password", arguments.get("passwd"))}
    if arguments.get("database", arguments.get("db")) != database.name:
        raise client_programs.refuse(database, "database=", "name the database in the URL only")
    names = {name: name for name in ("host", "port", "user", "password")}
    names |= {"unix_socket": "socket", "auth_plugin": "default-auth"}
    settings: dict[str, str | bytes] = {
        option: str(given[name]) for name, option in names.items() if given.get(name) is not None
    }
    tls = given.get("ssl")
    files = {f"ssl-{name}": tls[name] for name in FILES if tls.get(name)} if isinstance(tls, dict) else {}
    unset = "PREFERRED" if tls is None or files else "REQUIRED" if tls else "DISABLED"
    settings, mode = settings | files, str(given.get("ssl_mode") or unset)
    if not _is_mariadb(program):
        return settings | {"ssl-mode": mode}
    # This is how mysqlclient translates the mode for the library of MariaDB.
    if files or mode not in {"DISABLED", "PREFERRED"}:
        settings["ssl"] = "1"
    elif mode == "DISABLED":
        settings["ssl"] = "0"
    return settings | {"ssl-verify-server-cert": str(int(mode.startswith("VERIFY")))}


def _of_pymysql(database: Server, arguments: dict[str, Any], program: str) -> dict[str, str | bytes]:
    dialect = database.create_engine().dialect
    tls = dict(arguments["ssl"]) if isinstance(arguments.get("ssl"), dict) else arguments.get("ssl")
    # PyMySQL merges its arguments and files and exposes the result, without connecting.
    driver: Any = dialect.loaded_dbapi.connect(**arguments | {"ssl": tls, "defer_connect": True})
    if driver.db != database.name:
        raise client_programs.refuse(database, "database=", "name the database in the URL only")
    if driver.bind_address:
        raise client_programs.refuse(database, "bind-address", REFUSED["bind_address"])
    settings: dict[str, str | bytes] = {"password": driver.password}
    if driver.user:
        settings["user"] = driver.user
    if driver.unix_socket:
        settings |= {"protocol": "socket", "socket": driver.unix_socket}
    else:
        settings |= {"protocol": "tcp", "host": driver.host, "port": str(driver.port)}
    return settings | _tls(database, driver, arguments, program)


def _tls(database: Server, driver: Any, arguments: dict[str, Any], program: str) -> dict[str, str | bytes]:
    required = getattr(driver, "_ssl_required", driver.ssl)  # PyMySQL before 1.2 uses it only on request
    if driver.unix_socket and not required:
        return {}
    files: dict[str, str | bytes] = {f"ssl-{name}": value for name, value in _files(database, arguments)}
    verified = required and driver.ctx.verify_mode != ssl.CERT_NONE
    if not _is_mariadb(program):
        checks = "VERIFY_IDENTITY" if verified and driver.ctx.check_hostname else "VERIFY_CA"
        mode = checks if verified else "REQUIRED" if required else "PREFERRED" if driver.ssl else "DISABLED"
        return {**files, "ssl-mode": mode}
    if not driver.ssl:
        return {"ssl": "0"}
    # The program checks the server name whenever it checks the certificate. That is never less strict than
    # requested.
    return {**files, "ssl": "1", "ssl-verify-server-cert": str(int(verified))}


def _files(database: Server, arguments: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the files for TLS from the same places where PyMySQL looks for them."""
    if arguments.get("ssl_disabled"):
        return
    if any(arguments.get(f"ssl_{name}") for name in ("ca", "cert", "key", "verify_cert", "verify_identity")):
        given = {name: arguments.get(f"ssl_{name}", "") for name in FILES}
    else:
        if (given := arguments.get("ssl") or {}) and not isinstance(given, dict):
            raise client_programs.refuse(
                database, "an SSLContext", "give ssl_ca, ssl_cert and ssl_key as file names"
            )
        given = _from_file(arguments) | given
    if given.get("password"):
        raise client_programs.refuse(database, "a password of the key", UNENCRYPTED)
    for name in FILES:
        if given.get(name):
            yield name, given[name]


def _from_file(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return the TLS settings in the file of read_default_file."""
    group = arguments.get("read_default_group")
    if not (file := arguments.get("read_default_file") or (group and "/etc/my.cnf")):
        return {}
    parser = import_module("pymysql.optionfile").Parser()
    parser.read(Path(file).expanduser())
    names = [name for name in (*FILES, "password") if parser.has_option(group or "client", f"ssl-{name}")]
    return {name: parser.get(group or "client", f"ssl-{name}") for name in names}


def _is_mariadb(program: str) -> bool:
    """Return whether this is a MariaDB program.

    MySQL's programs may have the same name, but their TLS options differ.
    """
    if Path(program).name.startswith("mariadb"):
        return True
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return "MariaDB" in version.stdout
