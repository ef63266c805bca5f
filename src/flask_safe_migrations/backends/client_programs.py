"""Runs the servers' dump programs, without a shell and without passwords on the command line."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO, Any

from .. import settings
from ..errors import MigrationError
from .base import Database


def find(*names: str, folder: Path | None = None) -> str:
    """Return the path of the first of these programs that exists.

    :param folder: where to search, unless MIGRATION_CLIENT_PROGRAMS is set; by default the PATH.
    """
    if chosen := settings.active().client_programs:
        folder = chosen
    for name in names:
        if path := shutil.which(name, path=str(folder) if folder else None):
            return path
    if chosen:
        raise MigrationError(f"There is no {names[0]} in {chosen}, the folder MIGRATION_CLIENT_PROGRAMS.")
    raise MigrationError(
        f"{names[0]} is not installed: it comes with the client programs of the database server."
    )


def arguments(database: Database) -> dict[str, Any]:
    """Return the arguments that the driver receives for this database, from its URL and from connect_args."""
    _, of_url = database.create_engine().dialect.create_connect_args(database.url)
    return {name: value for name, value in {**of_url, **database.args}.items() if value is not None}


def refuse(database: Database, name: str, instead: str) -> MigrationError:
    """Return the error for a setting that the program does not support.

    Without that setting, the program would connect in a different way.
    """
    return MigrationError(
        f"The connection to {database} uses {name}, which the client programs of {database.title} cannot be "
        f"given, so there are no snapshots: {instead}."
    )


def run(command: list[str], secrets: dict[str, str] | None = None, source: IO[bytes] | None = None) -> None:
    """Run a program; raise MigrationError with its first error message."""
    result = subprocess.run(  # noqa: S603
        command,
        env=os.environ | (secrets or {}),
        stdin=source or subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if result.returncode:
        reason = result.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise MigrationError(f"{Path(command[0]).name} failed, nothing was changed: {reason}.")
