"""SQLite: a database in a file. See transaction.py for transactions and foreign keys."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Self, TextIO

from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool, StaticPool

from ...errors import MigrationError
from ..base import Database
from ..constraints import ConstraintInfo, ConstraintRename
from ..locking import LockHolder
from ..schema import Schema
from . import alter_table, files, introspection, probes, transaction
from .normalizer import SQLiteNormalizer
from .offline import rendering

SIDE_FILES = (*files.SIDE_FILES, ".migrating")


class SQLite(Database):
    title = "SQLite"
    utc_now = "CURRENT_TIMESTAMP"
    dialects = ("sqlite",)
    normalizer = SQLiteNormalizer()
    # One transaction for the whole run: either all revisions are applied or none. With transactional_ddl,
    # Alembic relies on the BEGIN that `begin_migration` sends. By itself, pysqlite would end that
    # transaction at the first DDL statement.
    options: ClassVar = {
        "transactional_ddl": True,
        "transaction_per_migration": False,
    }
    connect_args: ClassVar = {"timeout": 10}
    after_failure = "Nothing was changed"
    suffix = "sqlite"

    _memory: Engine | None = None

    @property
    def path(self) -> Path:
        return Path(self.name.removeprefix("file:").partition("?")[0])

    @property
    def identity(self) -> Any:
        if self.in_memory:
            return id(self)
        if self.path.exists():  # a hard link is the same file as well
            found = self.path.stat()
            return found.st_dev, found.st_ino
        return self.path.resolve()

    @property
    def short_name(self) -> str:
        return self.path.name

    @property
    def own_schema(self) -> str:
        return "main"

    @property
    def in_memory(self) -> bool:
        return self.url.database in {None, "", ":memory:"}

    @property
    def cheap_snapshots(self) -> bool:
        return not self.in_memory  # a database in memory does not outlive the process

    def create_engine(self, arguments: dict[str, Any] | None = None, **options: Any) -> Engine:
        if not self.in_memory:
            engine = super().create_engine(arguments, **options)
            # For seeding. A migration turns foreign keys off.
            event.listen(engine, "connect", lambda driver, _: driver.execute("PRAGMA foreign_keys = ON"))
            return engine
        if not self._memory:  # a database in memory exists only as long as its single connection
            self._memory = create_engine(self.url, poolclass=StaticPool, connect_args=self.args)
        return self._memory

    def use_engine(self, engine: Engine) -> None:
        self._memory = engine

    def create_read_only_engine(self) -> Engine:
        if self.in_memory:
            return self.create_engine()
        url = self.url.set(database=self.path.resolve().as_uri(), query={"mode": "ro", "uri": "true"})
        return create_engine(url, poolclass=NullPool, connect_args=self.args)

    on_foreign_transaction = staticmethod(transaction.on_foreign_transaction)
    migration_session = staticmethod(transaction.migration_session)
    begin_migration = staticmethod(transaction.begin_migration)
    integrity_check = staticmethod(transaction.integrity_check)

    def find_lock_holder(self, connection: Connection) -> LockHolder | None:
        return transaction.find_holder(connection)

    @contextmanager
    def limit_query(self, connection: Connection, seconds: float) -> Iterator[None]:
        """https://docs.python.org/3/library/sqlite3.html#sqlite3.Connection.set_progress_handler"""
        driver: Any = connection.connection.dbapi_connection
        ends = time.monotonic() + seconds
        driver.set_progress_handler(lambda: time.monotonic() > ends, 10_000)
        try:
            yield
        finally:
            driver.set_progress_handler(None, 0)

    @contextmanager
    def render_offline(self, out: TextIO, prepare: Callable[[Database], None]) -> Iterator[dict[str, Any]]:
        with self.shadow() as shadow:
            prepare(shadow)
            with shadow.connect() as connection, rendering(connection, out) as options:
                yield options

    @contextmanager
    def shadow(self, *, create: bool = True) -> Iterator[Database]:
        shadow = self.with_url(make_url("sqlite://"))
        yield shadow
        shadow.create_engine().dispose()

    def why_not_development(self, root: Path) -> str | None:
        if self.in_memory or self.path.resolve().is_relative_to(root.resolve()):
            return None
        return f"it lies outside the project ({self.path})"

    def version(self, connection: Connection) -> str:
        return sqlite3.sqlite_version

    def engine_version(self) -> str:
        return sqlite3.sqlite_version

    def constraints(self, connection: Connection) -> list[ConstraintInfo]:
        return introspection.read_constraints(connection, self.internal_tables)

    def enrich_table(self, connection: Connection, table: Table) -> None:
        introspection.enrich_table(connection, table)

    def rename_constraints(
        self, connection: Connection, like: Connection, changes: list[ConstraintRename]
    ) -> None:
        alter_table.rename_constraints(connection, like, changes)

    def schema(self, connection: Connection) -> Schema:
        return introspection.definitions(connection, self.internal_tables)

    schema_objects = staticmethod(introspection.schema_objects)
    table_sql = staticmethod(introspection.table_sql)
    probe_objects = staticmethod(probes.probe_objects)
    dependent_tables = staticmethod(introspection.dependent_tables)
    counter_sql = staticmethod(introspection.counter_sql)

    def exists(self) -> bool:
        return self.in_memory or self.path.exists()

    def prepare(self) -> None:
        if self.in_memory and not self._memory:
            raise MigrationError(
                f"A database in memory ends with this command: set {self.setting} to a file, "
                "such as sqlite:///instance/app.db."
            )

    def create(self) -> None:
        """Do nothing: SQLite creates the file itself at the first write."""

    def drop(self) -> None:
        if self.in_memory:
            self._memory = None
            return
        for side in ("", *SIDE_FILES):
            Path(self.name + side).unlink(missing_ok=True)

    def save(self, target: Path) -> None:
        if self._memory:
            files.from_memory(self._memory, target)
        else:
            files.copy(self.path, target)

    def load(self, source: Path) -> None:
        if self.in_memory:
            files.into_memory(source, self.create_engine())
        else:
            files.copy(source, self.path)

    def copy_to(self, target: Self) -> None:
        files.copy(self.path, target.path)

    def rebuild(self, fill: Callable[..., None]) -> None:
        self.prepare()
        new = self.with_name(f"{self.name}.building")
        with files.exclusive_rebuild_lock(self.path):
            new.drop()
            try:
                fill(new)
                if self.exists():
                    files.replace(self.path, new.path)
                else:
                    self.drop()  # a leftover write-ahead log would be applied to the new file
                    new.path.replace(self.path)
            finally:
                new.drop()

    def explain_error(self, error: DBAPIError) -> str | None:
        return files.explain_error(self.path, error.orig)
