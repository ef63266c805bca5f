"""What PostgreSQL and MariaDB have in common: a server that holds many databases."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, ClassVar

from alembic.operations import ops
from sqlalchemy import Connection, Dialect, TextClause, table, text
from sqlalchemy.exc import DBAPIError

from .. import output
from ..errors import MigrationError
from . import server_shadow
from .base import Database
from .locking import poll_until

TRIES = 10

# PostgreSQL's code for it, and the numbers that MariaDB has.
DISK_FULL = {"53100", 1021, 1114}


class Server(Database):
    # Seconds. Without it a server behind a firewall is waited for for minutes.
    connect_args: ClassVar = {"connect_timeout": 3}
    # The database to connect to when the one in question may not exist; None for none at all.
    maintenance: ClassVar[str | None]
    port: ClassVar[int]
    # Finds something where a database called :name exists, and the names of all there are.
    exists_query: ClassVar[str]
    list_query: ClassVar[str]
    # Takes or gives back a lock with this :number that ends with its connection; 1 where it was to be had.
    lock_query: ClassVar[TextClause]
    unlock_query: ClassVar[TextClause]
    # How many are connected to the database called :name.
    users_query: ClassVar[TextClause]
    # Whether SHADOW_DATABASE_URL names it: it may be emptied, but not dropped.
    is_given = False
    # What the driver says when it cannot connect, in small letters, and what to do about it.
    connection_hints: ClassVar[dict[str, str]]
    # Finds process, user, state and beginning of the oldest transaction of others.
    oldest_transaction: ClassVar[TextClause]

    @contextmanager
    def connect_to_maintenance(self) -> Iterator[Connection]:
        url = self.url.set(database=self.maintenance or "")
        with self.with_url(url).create_engine(isolation_level="AUTOCOMMIT").connect() as connection:
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
            if time.monotonic() - began > float(self.argument("connect_timeout")) - 1:
                raise  # nobody answers, and nobody would answer the next question
            with self.connect_to_maintenance() as connection:
                if not connection.scalar(text(self.exists_query), {"name": self.name}):
                    return False
            with self.connect():  # it does: somebody made it just now, or there is another obstacle
                return True

    def shadow(self) -> AbstractContextManager[Database]:
        return server_shadow.shadow(self)

    def keep_alive(self, connection: Connection) -> None:
        """Have the server keep a connection that says nothing for hours: a lock ends with it."""
        raise NotImplementedError

    def sees_all_locks(self, connection: Connection) -> bool:
        """Whether `hold` fails for whatever any other process holds."""
        return True

    @contextmanager
    def rebuild_lock(self) -> Iterator[Connection]:
        """Of several that make this database anew one after the other does; yields what holds the lock."""
        with self.connect_to_maintenance() as connection:
            poll_until(lambda: server_shadow.hold(self, connection), lambda: None, str(self))
            yield connection

    def reset(self) -> None:
        if self.is_given:
            self.clear()
        else:
            super().reset()

    def clear(self) -> None:
        """Drop all that is in this database, but not the database itself."""
        raise NotImplementedError

    def error_code(self, error: BaseException | None) -> Any:
        """Return the server's own code, by whichever driver and inside whichever exception it comes."""
        raise NotImplementedError

    def is_lock_timeout(self, error: BaseException | None) -> bool:
        """Whether this is an error because of somebody's lock, which may be gone the next time."""
        raise NotImplementedError

    def run_with_retries(self, run: Callable[[], None]) -> None:
        """Run again what gave way to somebody's lock: a revision starts anew, or where it stopped."""
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

    def _tell_gave_way(self, error: DBAPIError) -> str:
        statement = " ".join((error.statement or "COMMIT").split())[:100]
        who = ""
        with suppress(DBAPIError), self.connect() as connection:  # not everybody may ask
            if oldest := connection.execute(self.oldest_transaction).first():
                who = "; the oldest transaction is that of process {} ({}, {}, since {})".format(*oldest)
        return f"Gave way: somebody holds a lock that this needs: {statement}{who}."

    def explain_error(self, error: DBAPIError) -> str | None:
        if self.is_lock_timeout(error):
            return self._tell_gave_way(error)
        place = f"{self.url.host or 'localhost'}:{self.url.port or self.port}"
        if error.connection_invalidated:
            return (
                f"{self.title} at {place} hung up: see whether it runs, then try again "
                "(`flask db status` says where the database stands)."
            )
        if self.error_code(error) in DISK_FULL:
            return f"There is no room left for {self}: free some, then try again. {self.after_failure}."
        if error.statement and not error.statement.startswith("CREATE DATABASE"):
            return None  # the server answers, so it is about the SQL
        said = str(error.orig).casefold()
        for sign, sentence in self.connection_hints.items():
            if sign in said:
                told = sentence.format(name=self.name, user=self.url.username)
                return f"{self.title} at {place} {told} ({self})."
        return None
