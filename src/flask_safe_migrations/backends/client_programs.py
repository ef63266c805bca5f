"""Runs the dump programs of the servers: without a shell, and with the password in the environment only."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import IO

from .. import settings
from ..errors import MigrationError


def find(*names: str, folder: Path | None = None) -> str:
    """Return the path of the first of these programs that is there.

    :param folder: where to look, unless MIGRATION_CLIENT_PROGRAMS names another one; else on the PATH.
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


def run(command: list[str], secrets: dict[str, str], source: IO[bytes] | None = None) -> None:
    """Run a program; raise MigrationError with the first thing it complains of."""
    result = subprocess.run(  # noqa: S603
        command,
        env=os.environ | secrets,
        stdin=source or subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if result.returncode:
        said = result.stderr.decode(errors="replace").strip().partition("\n")[0]
        raise MigrationError(f"{Path(command[0]).name} failed, nothing was changed: {said}.")
