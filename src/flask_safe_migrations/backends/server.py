"""The common part of PostgreSQL and MariaDB: a server that holds many databases."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, ClassVar, Self

from alembic.operations import ops
from sqlalchemy import Connection, Dialect, TextClause, select, table, text
from sqlalchemy.exc import DBAPIError

from .. import output
from ..errors import MigrationError, describe_database_error
from . import shadow_databases
from .base import Database
from .locking import lock_limit, poll_until

TRIES = 10

# The error codes for a full disk, of PostgreSQL and of MariaDB.
DISK_FULL = {"53100", 1021, 1114}


class Server(Database):
    # In seconds. Without a limit, connecting to a server behind a firewall takes minutes to fail.
    connect_args: ClassVar = {"connect_timeout": 3}
    # The database to connect to if the target may not exist; None to connect without a database.
    maintenance: ClassVar[str | None]
    port: ClassVar[int]
    # `exists_query` returns a row if the database :name exists. `list_query` returns the names of all
    # databases.
    exists_query: ClassVar[str]
    list_query: ClassVar[str]
    # Acquire and release a lock with this :number. It ends with its connection. The result is 1 on success.
    lock_query: ClassVar[TextClause]
    unlock_query: ClassVar[TextClause]
    # Counts the connections to the database :name.
    users_query: ClassVar[TextClause]
    # Whether `load_stored` copies a database, so that the shadow database need not exist.
    has_templates: ClassVar[bool] = False
    # Whether only the name of this shadow database is reserved.
    is_reserved = False
    # The connection of `connect_to_maintenance`, while one is held for several commands.
    held_maintenance: Connection | None = None
    # The connection of `connect_again`.
    reused: Connection | None = None
    # Whether SHADOW_DATABASE_URL names this database. It may then be emptied but not dropped.
    is_given = False
    # Parts of the driver's connection errors, in lower case, each with advice for the user.
    connection_hints: ClassVar[dict[str, str]]
    # Returns process, user, state and start of the oldest transaction of another session.
    oldest_transaction: ClassVar[TextClause]

    def is_same(self, other: Database) -> bool:
        """Ask the server, if only its address differs: localhost and 127.0.0.1 may be one server."""
        if super().is_same(other):
            return True
        if not isinstance(other, type(self)) or self.name.casefold() != other.name.casefold():
            return False
        identified = self._ask_identity()
        return identified is not None and identified == other._ask_identity()

    def _ask_identity(self) -> Any:
        with suppress(DBAPIError), self.connect() as connection:  # it may not exist yet
            return self.identify(connection)
        return None

    def identify(self, connection: Connection) -> Any:
        """Return what only this database of this server has, by whatever name it was reached."""
        raise NotImplementedError

    @contextmanager
    def connect(self, arguments: dict[str, Any] | None = None) -> Iterator[Connection]:
        with super().connect(arguments) as connection:
            if arguments is None and not self.is_private:
                self.limit_lock_waits(connection, lock_limit())
            yield connection

    def limit_lock_waits(self, connection: Connection, seconds: int) -> None:
        """Let no statement wait longer than this for a lock, unless there is a shorter limit.

        Reading the definition of a table waits for a lock, too. By default PostgreSQL has no limit, and that
        of MariaDB is a day.
        """
        raise NotImplementedError

    def check_tables(self) -> None:
        """Raise an error if a table is locked: the programs that make a snapshot wait without a limit."""
        with self.connect() as connection:
            for schema, name in sorted(self.list_tables(connection), key=str):
                place = table(name, schema=schema)
                connection.execute(select(text("1")).select_from(place).where(text("1 = 0")))

    def with_name(self, name: str) -> Self:
        other = super().with_name(name)
        other.held_maintenance = self.held_maintenance
        return other

    @contextmanager
    def connect_again(self) -> Iterator[Connection]:
        if not self.is_private:
            with self.connect() as connection:
                yield connection
            return
        connection = self.reused or self._open_lasting_connection()
        self.reused = None
        connection.engine.clear_compiled_cache()  # as in `connect`: each caller has other types
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        self.reused = connection

    def _open_lasting_connection(self) -> Connection:
        connection = self.create_engine().connect()
        self.keep_alive(connection)  # it is idle while a revision runs
        connection.commit()
        return connection

    def disconnect(self) -> None:
        """Close the connection of `connect_again`: nobody may use a database that is copied or dropped."""
        if self.reused:
            self.reused.close()
        self.reused = None

    @contextmanager
    def connect_to_maintenance(self) -> Iterator[Connection]:
        if self.held_maintenance and _is_alive(self.held_maintenance):
            yield self.held_maintenance
            return
        url = self.url.set(database=self.maintenance or "")
        with self.with_url(url).create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
            self.limit_lock_waits(connection, lock_limit())
            yield connection

    def quoted(self, connection: Connection) -> str:
        return connection.dialect.identifier_preparer.quote_identifier(self.name)

    @staticmethod
    def quoted_table(dialect: Dialect, operation: ops.ModifyTableOps) -> str:
        return dialect.identifier_preparer.format_table(table(operation.table_name, schema=operation.schema))

    def engine_version(self) -> str:
        with self.connect_to_maintenance() as connection:
            return self.version(connection)

    def exists(self) -> bool:
        began = time.monotonic()
        try:
            with self.connect():
                return True
        except DBAPIError:
            try:
                limit = float(self.argument("connect_timeout"))  # 0: none
            except ValueError as error:
                raise self.explain_options(error) from error
            if limit and time.monotonic() - began > limit * 2 / 3:
                raise  # the server cannot be reached, so a second query would fail too
            with self.connect_to_maintenance() as connection:
                if not connection.scalar(text(self.exists_query), {"name": self.name}):
                    return False
            with self.connect():  # the database was created in the meantime, or there is another error
                return True

    def shadow(self, *, create: bool = True) -> AbstractContextManager[Database]:
        return shadow_databases.server_shadow(self, create=create or not self.has_templates)

    def keep_alive(self, connection: Connection) -> None:
        """Prevent the server from closing an idle connection: the lock would end with it."""
        raise NotImplementedError

    def sees_all_locks(self, connection: Connection) -> bool:
        """Whether `try_advisory_lock` sees the locks of all other processes."""
        return True

    @contextmanager
    def rebuild_lock(self) -> Iterator[Connection]:
        """Let only one process at a time rebuild this database.

        Yields the connection that holds the lock.
        """
        with self.connect_to_maintenance() as connection:
            poll_until(lambda: shadow_databases.try_advisory_lock(self, connection), lambda: None, str(self))
            yield connection

    def rebuild(self, fill: Callable[..., None]) -> None:
        """Fill a new database, then replace this one with it. This one is not changed before that.

        The databases `_building_…` and `_replaced_…` are never the only copy. A process that gets their lock
        may drop them.
        """
        with self.rebuild_lock() as connection:
            new, old = shadow_databases.reserve(
                self, connection, "building", "replaced", drop=type(self).drop
            )
            new.create()
            try:
                fill(new)
                self.replace_with(new, old)
            finally:
                new.drop()
                old.drop()

    def replace_with(self, new: Self, old: Self) -> None:
        """Put `new` in the place of this database, at once; this one becomes `old`, which is then dropped."""
        raise NotImplementedError

    def reset(self) -> None:
        if self.is_given:
            self.clear()
        else:
            super().reset()

    def clear(self) -> None:
        """Drop everything in this database, but not the database itself."""
        raise NotImplementedError

    def error_code(self, error: BaseException | None) -> Any:
        """Return the server's error code, for every driver and for wrapped exceptions."""
        raise NotImplementedError

    def is_lock_timeout(self, error: BaseException | None) -> bool:
        """Return whether another session's lock caused this error, so that a retry may succeed."""
        raise NotImplementedError

    def run_with_retries(self, run: Callable[[], None]) -> None:
        """Call `run`, and retry if it timed out waiting for a lock.

        A revision starts again from the beginning, or from where it stopped on engines that can resume it.
        """
        for left in reversed(range(TRIES)):
            try:
                return run()
            except MigrationError as error:
                if not left or not self.is_lock_timeout(error.__cause__):
                    raise
                pause = random.uniform(0.5, 1.5)  # noqa: S311
                output.notice(f"{error.message} Trying again, {left} more times.")
                time.sleep(pause)
        return None

    def describe_oldest_transaction(self, connection: Connection) -> str:
        """Return who is most likely waited for, as the end of a sentence. Not every user may see that."""
        with suppress(DBAPIError):
            if oldest := connection.execute(self.oldest_transaction).first():
                return "; the oldest transaction is that of process {} ({}, {}, since {})".format(*oldest)
        return ""

    def _describe_lock_timeout(self, error: DBAPIError) -> str:
        statement = " ".join((error.statement or "COMMIT").split())[:100]
        who = ""
        with suppress(DBAPIError), self.connect() as connection:
            who = self.describe_oldest_transaction(connection)
        return f"Lock timeout: another session holds a lock that this needs: {statement}{who}."

    def explain_error(self, error: DBAPIError) -> str | None:
        if self.is_lock_timeout(error):
            return self._describe_lock_timeout(error)
        place = f"{self.url.host or 'localhost'}:{self.url.port or self.port}"
        if error.connection_invalidated:
            return (
                f"{self.title} at {place} hung up: see whether it runs, then try again "
                "(`flask db status` says where the database stands)."
            )
        if self.error_code(error) in DISK_FULL:
            return f"There is no room left for {self}: free some, then try again. {self.after_failure}."
        if error.statement and not error.statement.startswith("CREATE DATABASE"):
            return None  # the server answers, so the error is in the SQL
        reason = str(error.orig).casefold()
        for sign, sentence in self.connection_hints.items():
            if sign in reason:
                hint = sentence.format(
                    name=self.name,
                    user=self.url.username,
                    setting=self.setting,
                    reason=describe_database_error(error.orig),
                )
                return f"{self.title} at {place} {hint} ({self})."
        return None


def _is_alive(connection: Connection) -> bool:
    # After a lost connection or Ctrl-C, SQLAlchemy refuses every statement until the transaction is ended.
    if connection.invalidated:
        return False
    try:
        connection.exec_driver_sql("SELECT 1")
    except DBAPIError:
        return False
    return True
