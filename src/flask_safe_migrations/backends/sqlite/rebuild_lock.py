"""Of two processes that make one database file anew the second waits: they build in the same place."""

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
    """Hold a lock on a file beside `path`: one of SQLite's own, which no killed process keeps."""
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
        with suppress(OSError):  # Windows removes no file that is open
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
        # Its last holder may have removed the file: then there is another one by now, with another lock.
        if os.path.samestat(opened, path.stat()):
            return connection
    except FileNotFoundError:
        pass
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):  # no room on the disk, say
            connection.close()
            path.unlink(missing_ok=True)
            said = told(path.with_suffix(""), error) or f"{path} cannot be locked ({error})."
            raise MigrationError(said) from error
    connection.close()
    return None
