"""Runs all migrations on SQLite in one transaction, with foreign keys off.

By default, the driver would end the transaction at the first DDL statement. With foreign keys on,
rebuilding a table would delete the rows that refer to it.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, cast

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from ...errors import MigrationError
from ..locking import LockHolder, describe_holder, poll_until, process_tag, read_tag
from .files import owner_file
from .rebuild import careful_rebuilds, clear_leftovers

# The key under which a connection stores the file to remove at the end.
OWNER_FILE = "migrations.owner"


@contextmanager
def migration_session(connection: Connection) -> Iterator[None]:
    """Turn foreign keys off, so that rebuilding a table does not delete the rows that refer to it.

    The pragma has no effect inside a transaction, so it runs before BEGIN:
    https://sqlite.org/pragma.html#pragma_foreign_keys The driver must not begin or commit by itself:
    https://docs.python.org/3/library/sqlite3.html#transaction-control
    """
    driver: Any = connection.connection.dbapi_connection
    keys = driver.execute("PRAGMA foreign_keys").fetchone()[0]
    level, mode = driver.isolation_level, getattr(driver, "autocommit", None)
    if mode is not None:  # Python 3.12 and later
        driver.autocommit = sqlite3.LEGACY_TRANSACTION_CONTROL  # type: ignore[attr-defined, unused-ignore]
    driver.isolation_level = None
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        with careful_rebuilds(connection):
            yield
    finally:
        connection.rollback()
        with suppress(sqlite3.Error):  # after a full disk a journal remains; the next reader rolls it back
            driver.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if owner := connection.info.pop(OWNER_FILE, None):
            with suppress(OSError):
                owner.unlink(missing_ok=True)
        driver.execute(f"PRAGMA foreign_keys = {keys}")
        driver.isolation_level = level
        if mode is not None:
            driver.autocommit = mode


@contextmanager
def on_foreign_transaction(connection: Connection) -> Iterator[None]:
    """Watch a migration inside the caller's transaction.

    pysqlite begins that transaction only before the first DML statement, so BEGIN is sent here.
    """
    driver: Any = connection.connection.dbapi_connection
    if not driver.in_transaction:
        driver.execute("BEGIN")
    with careful_rebuilds(connection):
        yield


def begin_migration(migration: MigrationContext) -> bool:
    """Send BEGIN IMMEDIATE, which is also the lock; return whether it had to wait for another migration."""
    connection = cast(Connection, migration.connection)
    driver: Any = connection.connection.dbapi_connection
    owner = _owner_file(connection)

    def take() -> bool:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            return False
        return True

    def holder() -> str | None:
        try:
            return describe_holder(owner.read_text(encoding="utf-8")) if owner else None
        except FileNotFoundError:
            return None

    if driver.in_transaction:  # a listener of the application has begun one
        connection.exec_driver_sql("COMMIT")
    # The driver's own timeout applies later: a reader may block the commit.
    timeout = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout = 0")
    waited = poll_until(take, holder, str(owner.with_suffix("")) if owner else "the database")
    driver.execute(f"PRAGMA busy_timeout = {timeout}")
    if owner:
        connection.info[OWNER_FILE] = owner
        with suppress(OSError):  # if the folder is read-only, the first statement reports it
            owner.write_text(process_tag(), encoding="utf-8")
    clear_leftovers(driver)
    # It would commit the earlier statements, and no SQLite statement needs it.
    migration.autocommit_block = nullcontext  # type: ignore[method-assign, assignment]
    return waited


def find_holder(connection: Connection) -> LockHolder | None:
    """Return the process that is migrating the database.

    The file with its name remains where the process was killed. So the lock itself is tried, for a moment,
    but only where there is such a file.
    """
    driver: Any = connection.connection.dbapi_connection
    if not (owner := _owner_file(connection)):
        return None
    try:
        holder = read_tag(owner.read_text(encoding="utf-8"))
    except OSError:
        return None
    if holder is None or holder.ended or driver.in_transaction:
        return None
    timeout = driver.execute("PRAGMA busy_timeout").fetchone()[0]
    driver.execute("PRAGMA busy_timeout = 0")
    try:
        driver.execute("BEGIN IMMEDIATE")
        driver.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return holder
    finally:
        driver.execute(f"PRAGMA busy_timeout = {timeout}")
    return None


def _owner_file(connection: Connection) -> Path | None:
    """Return the file beside the database that names the migrating process; None for a database in memory."""
    driver: Any = connection.connection.dbapi_connection
    path = driver.execute("PRAGMA database_list").fetchone()[2]
    return owner_file(path) if path else None


def integrity_check(connection: Connection) -> Callable[[], None]:
    """Check before the commit for violated foreign keys, because they are off during the migration."""
    before = _orphans(connection)

    def verify() -> None:
        worse = {pair: n for pair, n in _orphans(connection).items() if n > before[pair]}
        if worse:
            orphans = [f"{n} in {table} without their {parent}" for (table, parent), n in worse.items()]
            raise MigrationError(
                f"Rows would be left without the row they refer to ({', '.join(orphans)}): nothing was "
                "changed; fix the revision, or delete those rows in it."
            )

    return verify


def _orphans(connection: Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to a missing row, by table and referenced table."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter((table, parent) for table, _rowid, parent, _key in rows)
