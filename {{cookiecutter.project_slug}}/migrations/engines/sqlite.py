"""SQLite: a file. Transactions and foreign keys need a hand, see `migrating` and `begin`."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, ClassVar, TextIO, cast

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine, make_url
from sqlalchemy import Engine as Pool
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from .base import Database
from .errors import MigrationError
from .sqlite_render import rendering

SIDE_FILES = ("-wal", "-shm", "-journal")


class SQLite(Database):
    title = "SQLite"
    # One transaction for the whole run: all of it is applied, or nothing. transactional_ddl makes Alembic
    # trust the BEGIN that `begin` sends, which pysqlite by itself would end at the first DDL statement.
    options: ClassVar = {
        "render_as_batch": True,
        "transactional_ddl": True,
        "transaction_per_migration": False,
    }
    connect_args: ClassVar = {"timeout": 10}
    after_failure = "Nothing was changed"

    @property
    def path(self) -> Path:
        return Path(self.name.removeprefix("file:").partition("?")[0])

    @property
    def short_name(self) -> str:
        return self.path.name

    @property
    def in_memory(self) -> bool:
        return self.url.database in {None, "", ":memory:"}

    def pool(self, **options: Any) -> Pool:
        if not self.in_memory:
            return super().pool(**options)
        if not hasattr(self, "_memory"):  # it lives as long as its one connection
            self._memory = create_engine(self.url, poolclass=StaticPool, connect_args=self.args)
        return self._memory

    @contextmanager
    def migrating(self, connection: Connection) -> Iterator[None]:
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

    def begin(self, migration: MigrationContext) -> None:
        connection = cast(Connection, migration.connection)
        driver: Any = connection.connection.dbapi_connection
        if driver.in_transaction:  # an application's own listener began one
            connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        # It would commit what went before it, and SQLite has no statement that needs it.
        migration.autocommit_block = nullcontext  # type: ignore[method-assign]

    def guard(self, connection: Connection) -> Callable[[], None]:
        def orphans() -> dict[tuple[str, str], int]:
            counted: dict[tuple[str, str], int] = {}
            for table, _rowid, parent, _key in connection.exec_driver_sql("PRAGMA foreign_key_check"):
                counted[table, parent] = counted.get((table, parent), 0) + 1
            return counted

        before = orphans()

        def verify() -> None:
            worse = {pair: n for pair, n in orphans().items() if n > before.get(pair, 0)}
            if worse:
                told = ", ".join(
                    f"{n} in {table} without their {parent}" for (table, parent), n in worse.items()
                )
                raise MigrationError(
                    f"Rows would be left without the row they refer to ({told}): nothing was changed; "
                    "mend the revision, or delete those rows in it."
                )

        return verify

    @contextmanager
    def rendering(self, out: TextIO, prepare: Callable[[Database], None]) -> Iterator[dict[str, Any]]:
        with self.shadow() as shadow:
            prepare(shadow)
            with shadow.connect() as connection, rendering(connection, out) as options:
                yield options

    @contextmanager
    def shadow(self) -> Iterator[Database]:
        shadow = SQLite(make_url("sqlite://"), self.args)
        yield shadow
        shadow.pool().dispose()

    def outside_development(self, root: Path) -> str | None:
        if self.in_memory or self.path.resolve().is_relative_to(root.resolve()):
            return None
        return f"it lies outside the project ({self.path})"

    def version(self, connection: Connection) -> str:
        return sqlite3.sqlite_version

    def exists(self) -> bool:
        return self.in_memory or self.path.exists()

    def prepare(self) -> None:
        if self.in_memory:
            raise MigrationError(
                "A database in memory ends with this command: set DATABASE_URL to a file, "
                "such as sqlite:///instance/app.db."
            )

    def create(self) -> None:
        """SQLite makes the file itself, at the first write."""

    def drop(self) -> None:
        for side in ("", *SIDE_FILES):
            Path(self.name + side).unlink(missing_ok=True)

    def rebuild(self, fill: Callable[..., None]) -> None:
        new = self.sibling(f"{self.name}.building")
        new.drop()
        try:
            fill(new)
            if self.exists():
                self._settle()
            new.path.replace(self.path)
        finally:
            new.drop()

    def _settle(self) -> None:
        """Fold a write-ahead log into the file and remove it: it would be taken for the new file's.

        It also needs the file for itself, so a program that is in the middle of something is noticed.
        """
        with self.connect() as connection:
            try:
                connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
                connection.exec_driver_sql("BEGIN EXCLUSIVE")
            except OperationalError as error:
                if self.explain(error):
                    raise
        for side in SIDE_FILES:
            Path(self.name + side).unlink(missing_ok=True)

    def explain(self, error: DBAPIError) -> str | None:
        said = str(error.orig)
        if "locked" in said:
            return f"{self.path} is in use by another program: stop the development server, then try again."
        if "unable to open" in said:
            return f"{self.path} cannot be opened: make its folder, and see that you may write there."
        if "readonly" in said:
            return f"{self.path} may not be written: change its permissions, or those of its folder."
        if "not a database" in said or "malformed" in said:
            return f"{self.path} is no SQLite database, or a damaged one: move it away, then `make db`."
        if "disk is full" in said:
            return f"There is no room left for {self.path}: free some, then try again."
        return None
