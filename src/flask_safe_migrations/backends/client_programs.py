"""Runs the servers' dump programs, without a shell and without passwords on the command line."""

import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

from .. import output, settings
from ..errors import MigrationError
from .base import Database

PAUSE = 0.2  # seconds between two looks at how far a program is


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


def run(
    command: list[str],
    name: str,
    *,
    secrets: dict[str, str] | None = None,
    source: Path | None = None,
    target: Path | None = None,
) -> None:
    """Run a program; raise MigrationError with its first error message.

    :param name: what it does, to report its progress.
    :param source: the file that it reads from standard input.
    :param target: the file that it writes, of which the size at the end is not known.
    """
    total = source.stat().st_size if source else 0
    output.progress(name, 0, total, "bytes")
    with (
        source.open("rb") if source else nullcontext(None) as file,
        subprocess.Popen(  # noqa: S603
            command,
            env=os.environ | (secrets or {}),
            stdin=file or subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process,
    ):
        try:
            errors = _wait(process, lambda: output.progress(name, _measure(file, target), total, "bytes"))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        reason = errors.decode(errors="replace").strip().partition("\n")[0]
        raise MigrationError(f"{Path(command[0]).name} failed, nothing was changed: {reason}.")


def _wait(process: subprocess.Popen[bytes], report: Callable[[], None]) -> bytes:
    while True:
        try:
            return process.communicate(timeout=PAUSE)[1]
        except subprocess.TimeoutExpired:
            report()


def _measure(source: IO[bytes] | None, target: Path | None) -> int:
    """Return how much was read or written. The program reads through the same open file, so both move on."""
    if source:
        return os.lseek(source.fileno(), 0, os.SEEK_CUR)
    return target.stat().st_size if target and target.exists() else 0
