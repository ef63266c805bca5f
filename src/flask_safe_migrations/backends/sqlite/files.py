"""Copies and replaces SQLite databases with the backup API, also while other programs have them open."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from sqlalchemy import Engine

from ... import output
from ...errors import MigrationError
from ..locking import describe_holder, poll_until

SIDE_FILES = ("-wal", "-shm", "-journal")

# SQLite's error messages, and what to do about them.
ADVICE = {
    "locked": "is in use by another program: stop the development server, then try again",
    "unable to open": "cannot be opened: make its folder, and see that you may write there",
    "readonly": "may not be written: change its permissions, or those of its folder",
    "not a database": "is no SQLite database: move it away, then `flask db rebuild`",
    "malformed": "is damaged: move it away, then `flask db rebuild`",
    "is full": "has no room left on its disk, nothing was changed: free some, then try again",
    "disk I/O error": "cannot be read or written, nothing was changed: see whether its disk is full",
}
BUSY_SECONDS = 10
STEP = 2_000  # pages of a copy, after which its progress is reported
PAUSE = 0.1


def explain_error(path: Path, error: object) -> str | None:
    """Return one sentence that says what to fix, or None for an error in the SQL itself."""
    if "locked" in str(error):
        with suppress(OSError):
            if who := describe_holder(owner_file(path).read_text(encoding="utf-8")):
                return f"{path} is in use by {who}: wait until it is done, then try again."
    return next((f"{path} {advice}." for sign, advice in ADVICE.items() if sign in str(error)), None)


def owner_file(path: Path) -> Path:
    """Return the file beside a database that names the process that migrates it."""
    return Path(f"{path}.migrating")


def copy(source: Path, target: Path) -> None:
    """Copy into the empty file `target`, which nobody else uses, and check its integrity.

    Raises MigrationError.
    """
    report = _reporter(f"Copying {source.name}", source)
    with (
        closing(sqlite3.connect(source, timeout=BUSY_SECONDS)) as old,
        closing(sqlite3.connect(target)) as new,
    ):
        try:
            new.execute("PRAGMA locking_mode = EXCLUSIVE")
            # In a transaction, because the copy would begin again whenever another program writes.
            old.execute("BEGIN")
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
            old.backup(new, pages=STEP, progress=report)
            old.execute("COMMIT")
            new.execute("PRAGMA journal_mode = DELETE")  # a snapshot is always a single file
            (found,) = new.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.DatabaseError as error:
            found = str(error)
    if found != "ok":
        for side in SIDE_FILES:
            Path(f"{target}{side}").unlink(missing_ok=True)
        if "full" in found or "I/O" in found:
            raise MigrationError(str(explain_error(target, found)))
        if "locked" in found:
            raise MigrationError(str(explain_error(source, found)))
        raise MigrationError(f"{source} is damaged or no SQLite database ({found}): nothing was changed.")


def _reporter(name: str, source: Path) -> Callable[[int, int, int], None]:
    """Report the progress of a copy. Return the function that is called after each of its steps."""
    size = source.stat().st_size if source.exists() else 0
    output.progress(name, 0, size, "bytes")

    def report(_status: int, left: int, pages: int) -> None:
        if pages:
            output.progress(name, size * (pages - left) / pages, size, "bytes")

    return report


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
    end = time.monotonic() + BUSY_SECONDS

    report = _reporter(f"Replacing {target.name}", source)

    def give_up(status: int, left: int, pages: int) -> None:
        report(status, left, pages)
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > end:
            # Otherwise backup() would retry forever.
            raise MigrationError(str(explain_error(target, "locked")))

    with (
        closing(sqlite3.connect(source)) as new,
        closing(sqlite3.connect(target, isolation_level=None)) as old,
    ):
        try:
            if len({db.execute("PRAGMA page_size").fetchone() for db in (old, new)}) > 1:
                old.execute("PRAGMA journal_mode = DELETE")  # the content cannot be replaced in WAL mode
            new.backup(old, pages=STEP, progress=give_up, sleep=PAUSE)
        except sqlite3.DatabaseError as error:
            reason = f"{target} could not be replaced ({error}): it is as it was."
            raise MigrationError(explain_error(target, error) or reason) from error


@contextmanager
def exclusive_rebuild_lock(path: Path) -> Iterator[None]:
    """Let only one process rebuild a database file at a time, because all of them build at the same path.

    The lock is a SQLite lock on a file beside `path`. It ends when the process does.
    """
    lock_file = Path(f"{path}.turn")
    held: list[sqlite3.Connection] = []

    def take() -> bool:
        if connection := _try_lock(lock_file):
            held.append(connection)
        return bool(held)

    poll_until(take, lambda: None, str(path))
    try:
        yield
    finally:
        with suppress(OSError):  # Windows cannot remove an open file
            lock_file.unlink()
        held[0].close()


def _try_lock(path: Path) -> sqlite3.Connection | None:
    try:
        with path.open("a", encoding="utf-8") as file:
            opened = os.fstat(file.fileno())
    except OSError as error:
        raise MigrationError(str(explain_error(path, "unable to open"))) from error
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
            reason = explain_error(path.with_suffix(""), error) or f"{path} cannot be locked ({error})."
            raise MigrationError(reason) from error
    connection.close()
    return None
