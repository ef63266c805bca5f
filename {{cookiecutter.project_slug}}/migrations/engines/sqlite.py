"""SQLite: a file. Transactions and foreign keys need a hand, see `migrating` and `begin`."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, TextIO

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy import Engine as Pool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from . import sqlite_transaction
from .base import Database
from .errors import MigrationError
from .sqlite_render import rendering

SIDE_FILES = ("-wal", "-shm", "-journal", ".migrating")

# What SQLite says, and what to do about it.
SIGNS = {
    "locked": "is in use by another program: stop the development server, then try again",
    "unable to open": "cannot be opened: make its folder, and see that you may write there",
    "readonly": "may not be written: change its permissions, or those of its folder",
    "not a database": "is no SQLite database: move it away, then `make db`",
    "malformed": "is damaged: move it away, then `make db`",
    "disk is full": "has no room left on its disk: free some, then try again",
}


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
    suffix = "sqlite"
    cheap_snapshots = True

    @property
    def path(self) -> Path:
        return Path(self.name.removeprefix("file:").partition("?")[0])

    @property
    def short_name(self) -> str:
        return self.path.name

    @property
    def in_memory(self) -> bool:
        return self.url.database in {None, "", ":memory:"}

    def pool(self, arguments: dict[str, Any] | None = None, **options: Any) -> Pool:
        if not self.in_memory:
            pool = super().pool(arguments, **options)
            # For seeding; a migration turns them off.
            event.listen(pool, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
            return pool
        if not hasattr(self, "_memory"):  # it lives as long as its one connection
            self._memory = create_engine(self.url, poolclass=StaticPool, connect_args=self.args)
        return self._memory

    migrating = staticmethod(sqlite_transaction.migrating)
    begin = staticmethod(sqlite_transaction.begin)
    guard = staticmethod(sqlite_transaction.guard)

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

    def engine_version(self) -> str:
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

    def save(self, target: Path) -> None:
        self._copy(self.path, target)

    def load(self, source: Path) -> None:
        self._copy(source, self.path)

    @staticmethod
    def _copy(source: Path, target: Path) -> None:
        """By the backup API, which is consistent whoever writes; then looked through."""
        with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
            try:
                old.backup(new)
                (found,) = new.execute("PRAGMA integrity_check(1)").fetchone()
            except sqlite3.DatabaseError as error:
                found = str(error)
        if found != "ok":
            raise MigrationError(f"{source} is damaged or no SQLite database ({found}): nothing was changed.")

    def rebuild(self, fill: Callable[..., None]) -> None:
        self.prepare()
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
            connection.exec_driver_sql("PRAGMA journal_mode = DELETE")
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
        for side in SIDE_FILES:
            Path(self.name + side).unlink(missing_ok=True)

    def explain(self, error: DBAPIError) -> str | None:
        said = str(error.orig)
        return next((f"{self.path} {told}." for sign, told in SIGNS.items() if sign in said), None)
