"""Lets only one process rebuild a database file at a time, because all of them build at the same path."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ...errors import MigrationError
from ..locking import poll_until
from .files import told


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """Hold a SQLite lock on a file beside `path`. The lock ends when the process does."""
    beside = Path(f"{path}.turn")
    held: list[sqlite3.Connection] = []

    def take() -> bool:
        if connection := _lock(beside):
            held.append(connection)
        return bool(held)

    poll_until(take, lambda: None, str(path))
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            beside.unlink()
        held[0].close()


def _lock(path: Path) -> sqlite3.Connection | None:
    try:
        with path.open("a", encoding="utf-8") as file:
            opened = os.fstat(file.fileno())
    except OSError as error:
        raise MigrationError(str(told(path, "unable to open"))) from error
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN EXCLUSIVE")
        # The last holder may have removed the file. Then there may be a new file with its own lock.
        if os.path.samestat(opened, path.stat()):
            return connection
    except FileNotFoundError:
        pass
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):  # for example, the disk is full
            connection.close()
            path.unlink(missing_ok=True)
            said = told(path.with_suffix(""), error) or f"{path} cannot be locked ({error})."
            raise MigrationError(said) from error
    connection.close()
    return None
