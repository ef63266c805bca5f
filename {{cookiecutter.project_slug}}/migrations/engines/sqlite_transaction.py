"""One transaction for a whole run of migrations on SQLite, with foreign keys off.

The driver's own idea of transactions would end this one at the first DDL statement; and with foreign keys
on, rebuilding a table deletes the rows that refer to it.
"""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, cast

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from .errors import MigrationError


@contextmanager
def migrating(connection: Connection) -> Iterator[None]:
    """Foreign keys off, or rebuilding a table would delete the rows that refer to it (ON DELETE CASCADE).

    The pragma does nothing inside a transaction, hence before BEGIN: https://sqlite.org/pragma.html#pragma_foreign_keys
    The driver must not begin or commit by itself: https://docs.python.org/3/library/sqlite3.html#transaction-control
    """
    driver: Any = connection.connection.dbapi_connection
    keys = driver.execute("PRAGMA foreign_keys").fetchone()[0]
    level, mode = driver.isolation_level, getattr(driver, "autocommit", None)
    if mode is not None:  # Python 3.12 and later
        driver.autocommit = sqlite3.LEGACY_TRANSACTION_CONTROL  # type: ignore[attr-defined, unused-ignore]
    driver.isolation_level = None
    driver.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        connection.rollback()
        driver.execute(f"PRAGMA foreign_keys = {keys}")
        driver.isolation_level = level
        if mode is not None:
            driver.autocommit = mode


def begin(migration: MigrationContext) -> None:
    connection = cast(Connection, migration.connection)
    driver: Any = connection.connection.dbapi_connection
    if driver.in_transaction:  # an application's own listener began one
        connection.exec_driver_sql("COMMIT")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    # It would commit what went before it, and SQLite has no statement that needs it.
    migration.autocommit_block = nullcontext  # type: ignore[method-assign]


def guard(connection: Connection) -> Callable[[], None]:
    """Foreign keys are off: what they would have refused is looked for before the commit."""
    before = _orphans(connection)

    def verify() -> None:
        worse = {pair: n for pair, n in _orphans(connection).items() if n > before[pair]}
        if worse:
            told = [f"{n} in {table} without their {parent}" for (table, parent), n in worse.items()]
            raise MigrationError(
                f"Rows would be left without the row they refer to ({', '.join(told)}): nothing was "
                "changed; mend the revision, or delete those rows in it."
            )

    return verify


def _orphans(connection: Connection) -> Counter[tuple[str, str]]:
    """Count the rows that refer to nothing, by table and the table referred to."""
    rows = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return Counter((table, parent) for table, _rowid, parent, _key in rows)
