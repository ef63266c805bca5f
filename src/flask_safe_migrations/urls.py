"""Parse database URLs, and compare them independent of how they are written."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from .errors import MigrationError

# Hosting companies use postgres://. PyMySQL is the MySQL driver with a wheel for all platforms.
DRIVERS = {
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
}
# The query of a URL, behind a host or a path: a ? may also stand in a password.
QUERY = re.compile(r"(?<=[@/])[^?@]*(\?[\w.-]+=[^?]*)$")
LOCAL = {None, "", "localhost", "127.0.0.1", "::1"}
PORTS = {"postgresql": 5432, "mariadb": 3306}

# Engine, host, port and name. For a SQLite file, engine and path.
Address = tuple[str | None, ...]


def parse_url(text: str | URL, root: Path, setting: str = "DATABASE_URL") -> URL:
    """Return a URL with a driver, from a setting as people and hosting companies write it.

    A relative SQLite path becomes absolute, starting at `root`, so that it does not depend on the working
    directory. An unescaped @ in the password is accepted. Example::

        app.config["SQLALCHEMY_DATABASE_URI"] = parse_url(os.environ["DATABASE_URL"], Path(app.root_path))

    :param text: such as ``postgres://user:password@host/name``. A URL with a driver keeps it.
    :param root: the folder at which a relative path starts.
    :param setting: the name of the setting, for messages.
    :raises MigrationError: if it is not a database URL. The message never contains the password.
    """
    # An @ in a password has to be written as %40 in a URL. It is accepted unescaped, too.
    if isinstance(text, str) and "://" in text:
        scheme, rest = text.strip().split("://", 1)
        found = QUERY.search(rest)
        address, query = (rest[: found.start(1)], found[1]) if found else (rest, "")
        login, at, host = address.rpartition("@")
        text = f"{DRIVERS.get(scheme, scheme)}://{login.replace('@', '%40')}{at}{host}{query}"
    try:
        url = make_url(text)
        dialect, is_async = url.get_dialect().name, url.get_dialect().is_async
    except (ArgumentError, ValueError, ModuleNotFoundError) as error:
        raise MigrationError(
            f"{setting} is no database URL: it looks like sqlite:///instance/app.db, "
            "postgresql://user:password@host/name or mariadb://user:password@host/name."
        ) from error
    if is_async:
        raise MigrationError(
            f"{setting} names an asyncio driver, which Flask does not use: use {dialect}://."
        )
    if dialect == "sqlite" and url.database and not url.database.startswith((":memory:", "file:")):
        url = url.set(database=str(root / url.database))
    elif dialect != "sqlite" and not url.database:
        raise MigrationError(f"{setting} names a server but no database: add /name at its end.")
    return url


def find_address(
    url: URL, *, sockets: bool = False, arguments: Mapping[str, Any] | None = None
) -> Address | None:
    """Return the address of a database, or None for a SQLite database in memory.

    :param sockets: distinguish sockets in different folders. Otherwise every socket means this machine.
    :param arguments: what the driver receives. It overrides the host and port of the URL, and names a service
        or an option file.
    """
    backend = url.get_backend_name().replace("mysql", "mariadb")
    name = url.database or ""
    if backend == "sqlite":
        path = name.removeprefix("file:").partition("?")[0]
        return (backend, str(Path(path).resolve())) if path not in {"", ":memory:"} else None
    if arguments is None:
        names = ("unix_socket", "host", "port")
        arguments = {name: getattr(url, name, None) or url.query.get(name) for name in names}
    elif url.get_driver_name().startswith("psycopg"):
        arguments = _of_environment() | dict(arguments)
    host = str(_first(arguments, "unix_socket", "unix_sock", "host", "hostaddr") or "").casefold()
    port = str(arguments.get("port") or PORTS.get(backend))
    if indirect := _first(arguments, "service", "read_default_file"):
        name = f"{name} of {indirect}"
    if host.startswith("/"):
        return backend, host if sockets else None, port, name
    return backend, None if host in LOCAL else host, port, name


def _of_environment() -> dict[str, str]:
    """https://www.postgresql.org/docs/current/libpq-envars.html"""
    names = {"host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "service": "PGSERVICE"}
    return {name: os.environ[variable] for name, variable in names.items() if os.environ.get(variable)}


def _first(arguments: Mapping[str, Any], *names: str) -> Any:
    return next((arguments[name] for name in names if arguments.get(name)), None)
