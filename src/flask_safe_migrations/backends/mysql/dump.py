"""Snapshots of MariaDB and MySQL, by the programs that come with the server."""

from pathlib import Path

from .. import client_programs
from ..server import Server
from .galera import TABLE


def save(database: Server, target: Path) -> None:
    program = client_programs.find("mariadb-dump", "mysqldump")
    # The journal belongs to the state that is saved; the lock belongs to whoever saves it.
    options = ["--single-transaction", "--routines", "--triggers", "--events", f"--result-file={target}"]
    options.append(f"--ignore-table={database.name}.{TABLE}")
    client_programs.run([program, *_login(database), *options, database.name], _secrets(database))


def load(database: Server, source: Path) -> None:
    program = client_programs.find("mariadb", "mysql")
    with source.open("rb") as dump:
        client_programs.run([program, *_login(database), database.name], _secrets(database), dump)


def _login(database: Server) -> list[str]:
    url = database.url
    address = [f"--host={url.host or 'localhost'}", f"--port={url.port or database.port}"]
    login = ["--default-character-set=utf8mb4", f"--user={url.username or 'root'}"]
    return ["--no-defaults", "--protocol=tcp", *address, *login]


def _secrets(database: Server) -> dict[str, str]:
    return {"MYSQL_PWD": str(database.url.password)} if database.url.password else {}
