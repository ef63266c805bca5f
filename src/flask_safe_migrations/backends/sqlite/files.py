"""Copies one SQLite database into another, by the backup API: consistent, whoever else has them open."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from ...errors import MigrationError

SIDE_FILES = ("-wal", "-shm", "-journal")

# What SQLite says, and what to do about it.
SIGNS = {
    "locked": "is in use by another program: stop the development server, then try again",
    "unable to open": "cannot be opened: make its folder, and see that you may write there",
    "readonly": "may not be written: change its permissions, or those of its folder",
    "not a database": "is no SQLite database: move it away, then `flask db rebuild`",
    "malformed": "is damaged: move it away, then `flask db rebuild`",
    "is full": "has no room left on its disk, nothing was changed: free some, then try again",
    "disk I/O error": "cannot be read or written, nothing was changed: see whether its disk is full",
}
PATIENCE = 10  # seconds
PAUSE = 0.1


def told(path: Path, error: object) -> str | None:
    """Return one sentence that says what to fix, or None for an error about the SQL itself."""
    return next((f"{path} {told}." for sign, told in SIGNS.items() if sign in str(error)), None)


def copy(source: Path, target: Path) -> None:
    """Fill the empty file `target`, which is ours alone, and look it through; raises MigrationError."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        try:
            new.execute("PRAGMA locking_mode = EXCLUSIVE")
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # a snapshot is one file, whatever its source has
            (found,) = new.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        for side in SIDE_FILES:
            Path(f"{target}{side}").unlink(missing_ok=True)
        if "full" in found or "I/O" in found:
            raise MigrationError(str(told(target, found)))
        raise MigrationError(f"{source} is damaged or no SQLite database ({found}): nothing was changed.")


def from_memory(memory: Engine, target: Path) -> None:
    with closing(sqlite3.connect(target)) as file, memory.connect() as connection:
        connection.connection.driver_connection.backup(file)  # type: ignore[union-attr]


def into_memory(source: Path, memory: Engine) -> None:
    """Fill a new database in memory; raises MigrationError, and leaves it empty."""
    with closing(sqlite3.connect(source)) as file, memory.connect() as connection:
        try:
            (found,) = file.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise MigrationError(f"{source} is damaged or no SQLite database ({found}).")
        file.backup(connection.connection.driver_connection)  # type: ignore[arg-type]


def replace(target: Path, source: Path) -> None:
    """Put the content of `source` in the place of that of `target`, in one transaction of SQLite's own.

    Another file under the same name would not do: the write-ahead log beside it, of a program that has the
    old one open, would be taken for the new one's. https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use
    Raises MigrationError; `target` is then as it was.
    """
    end = time.monotonic() + PATIENCE

    def give_up(status: int, _left: int, _pages: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > end:
            raise MigrationError(str(told(target, "locked")))  # else backup() tries for ever

    with (
        closing(sqlite3.connect(source)) as new,
        closing(sqlite3.connect(target, isolation_level=None)) as old,
    ):
        try:
            if len({db.execute("PRAGMA page_size").fetchone() for db in (old, new)}) > 1:
                old.execute("PRAGMA journal_mode = DELETE")  # with a write-ahead log it cannot change
            new.backup(old, progress=give_up, sleep=PAUSE)
        except sqlite3.DatabaseError as error:
            said = told(target, error) or f"{target} could not be replaced ({error}): it is as it was."
            raise MigrationError(said) from error
