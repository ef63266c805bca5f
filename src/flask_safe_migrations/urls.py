"""Compare database URLs independent of how they are written."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import URL

LOCAL = {None, "", "localhost", "127.0.0.1", "::1"}
PORTS = {"postgresql": 5432, "mariadb": 3306}

# Engine, host, port and name. For a SQLite file, engine and path.
Address = tuple[str | None, ...]


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
