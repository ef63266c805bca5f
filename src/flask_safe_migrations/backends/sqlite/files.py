"""Copies SQLite databases with the backup API: consistent even if other programs have them open."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from ...errors import MigrationError

SIDE_FILES = ("-wal", "-shm", "-journal")

# SQLite's error messages, and what to do about them.
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
    """Return one sentence that says what to fix, or None for an error in the SQL itself."""
    return next((f"{path} {told}." for sign, told in SIGNS.items() if sign in str(error)), None)


def copy(source: Path, target: Path) -> None:
    """Copy into the empty file `target`, which nobody else uses, and check its integrity.

    Raises MigrationError.
    """
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        try:
            new.execute("PRAGMA locking_mode = EXCLUSIVE")
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # a snapshot is always a single file
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
    """Fill a new database in memory. If it raises MigrationError, the database is left empty."""
    with closing(sqlite3.connect(source)) as file, memory.connect() as connection:
        try:
            (found,) = file.execute("PRAGMA quick_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
        if found != "ok":
            raise MigrationError(f"{source} is damaged or no SQLite database ({found}).")
        file.backup(connection.connection.driver_connection)  # type: ignore[arg-type]


def replace(target: Path, source: Path) -> None:
    """Replace the content of `target` with that of `source`, in one SQLite transaction.

    Replacing the file would not be safe. A program that has the old file open also has its write-ahead log,
    which would be applied to the new file.
    https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use Raises
    MigrationError; `target` is then unchanged.
    """
    end = time.monotonic() + PATIENCE

    def give_up(status: int, _left: int, _pages: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > end:
            raise MigrationError(str(told(target, "locked")))  # otherwise backup() would retry forever

    with (
        closing(sqlite3.connect(source)) as new,
        closing(sqlite3.connect(target, isolation_level=None)) as old,
    ):
        try:
            if len({db.execute("PRAGMA page_size").fetchone() for db in (old, new)}) > 1:
                old.execute("PRAGMA journal_mode = DELETE")  # the content cannot be replaced in WAL mode
            new.backup(old, progress=give_up, sleep=PAUSE)
        except sqlite3.DatabaseError as error:
            said = told(target, error) or f"{target} could not be replaced ({error}): it is as it was."
            raise MigrationError(said) from error
