"""The migration lock on MariaDB and MySQL: GET_LOCK on a server, a lease on a Galera cluster.

The nodes of a cluster do not share GET_LOCK. The lease is a row in a table. If two nodes write to the same
row, only one of them can commit:
https://galeracluster.com/library/documentation/certification-based-replication.html The holder increments
the row's `beat` while it is alive. A process that has seen the same beat for MIGRATION_LEASE_SECONDS takes
over the row. Each process measures only its own waiting time. Clocks are not compared, because each node
has its own.

A holder that was suspended or cut off may not know that it has lost its lease. Therefore each of its
commits also writes to the row, in the same transaction (`fence`). After another process has taken over,
that commit fails.
"""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, Row, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ... import settings
from ...errors import MigrationError
from ..locking import LockHolder, describe_dead_holder, describe_holder, poll_until, process_tag, read_tag
from ..server import Server
from .connection import NO_TABLE, RetryPeriod, error_code

TABLE = "migration_lock"
# `token` identifies the holder. A standalone server also stores its note for other processes here.
CREATE = """CREATE TABLE IF NOT EXISTS migration_lock (
    id INT PRIMARY KEY, token VARCHAR(40), holder VARCHAR(100), beat BIGINT
) ENGINE=InnoDB CHARACTER SET utf8mb4"""

TAKE_SERVER_LOCK = text("SELECT GET_LOCK(:name, 0)")
# The server knows only the holder's connection. A note describes the holder while the lock is held.
NOTE = text("REPLACE INTO migration_lock VALUES (1, connection_id(), :holder, 0)")
READ_NOTE = text("SELECT holder FROM migration_lock WHERE token = CAST(IS_USED_LOCK(:name) AS CHAR)")
HOLDER_CONNECTION = text(
    "SELECT host, id, date_format(utc_timestamp() - INTERVAL time SECOND, '%Y-%m-%dT%H:%i:%sZ') AS since "
    "FROM information_schema.processlist WHERE id = IS_USED_LOCK(:name)"
)
OLDEST_TRANSACTION = text(
    "SELECT p.id, p.user, p.command, t.trx_started FROM information_schema.innodb_trx t "
    "JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "WHERE p.id <> connection_id() ORDER BY t.trx_started LIMIT 1"
)
CLUSTER_VARIABLES = text("SHOW GLOBAL VARIABLES WHERE variable_name IN ('wsrep_on', 'wsrep_provider')")

# The lease.
READ_LEASE = "SELECT token, holder, beat FROM migration_lock WHERE id = 1"
TAKE_LEASE = "INSERT INTO migration_lock VALUES (1, :token, :holder, 0)"
TAKE_OVER_LEASE = (
    "UPDATE migration_lock SET token = :token, holder = :holder, beat = 0 "
    "WHERE id = 1 AND token = :old AND beat = :beat"
)
RENEW_LEASE = "UPDATE migration_lock SET beat = beat + 1 WHERE token = :token"
RELEASE_LEASE = "DELETE FROM migration_lock WHERE token = :token"


def is_cluster(connection: Connection) -> bool:
    """Return whether the server is a node of a Galera cluster, even if the other nodes are down."""
    variables = {name.lower(): value for name, value in connection.execute(CLUSTER_VARIABLES)}
    return variables.get("wsrep_on") == "ON" and variables.get("wsrep_provider", "none") not in {"", "none"}


def keep_alive(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION wait_timeout = 2147483")


def find_holder(database: Server, connection: Connection) -> LockHolder | None:
    """Return who holds the lock or the lease, as far as `connection` sees it."""
    if not is_cluster(connection):
        return _find_server_holder(connection, _lock_name(database))
    with suppress(DBAPIError):  # the table does not exist: nobody migrates
        row = connection.exec_driver_sql(READ_LEASE).first()
        return read_tag(row.holder) if row else None
    return None


def _lock_name(database: Server) -> dict[str, str]:
    """Return the name of the lock. It applies to the whole server and has at most 64 characters."""
    return {"name": f"migration:{hashlib.sha256(database.name.encode()).hexdigest()[:40]}"}


def _find_server_holder(connection: Connection, name: dict[str, str]) -> LockHolder | None:
    with suppress(DBAPIError):  # the note is written after the lock is taken
        holder = read_tag(connection.scalar(READ_NOTE, name))
        if holder and not holder.ended:
            return holder
    row = connection.execute(HOLDER_CONNECTION, name).first()
    return LockHolder(row.host, row.since, connection=row.id) if row else None


@contextmanager
def server_lock(database: Server, connection: Connection) -> Iterator[bool]:
    """Hold the lock, which always ends with the connection; yields whether it had to wait."""
    name = _lock_name(database)

    def take() -> bool:
        return bool(connection.scalar(TAKE_SERVER_LOCK, name) == 1)

    keep_alive(connection)
    waited = poll_until(take, lambda: _find_server_holder(connection, name), str(database))
    with suppress(DBAPIError):  # the note is only informative
        connection.exec_driver_sql(CREATE)
        connection.execute(NOTE, {"holder": process_tag()})
    try:
        yield waited
    finally:
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("DROP TABLE IF EXISTS migration_lock")


class LeaseSession:
    """Runs autocommitted statements. After an error it reconnects: a ROLLBACK may raise error 1213."""

    def __init__(self, database: Server, **arguments: Any) -> None:
        # If the node uses another method, the table would be created on that node only.
        arguments["init_command"] = "SET SESSION wsrep_OSU_method = 'TOI', innodb_lock_wait_timeout = 5"
        self.engine: Engine = database.create_engine(arguments, isolation_level="AUTOCOMMIT")
        self.connection: Connection | None = None

    def execute(self, sql: str, **values: Any) -> CursorResult[Any]:
        self.connection = self.connection or self.engine.connect()
        try:
            return self.connection.execute(text(sql), values)
        except DBAPIError:
            self.connection.invalidate()
            self.close()
            raise

    def close(self) -> None:
        if self.connection:
            self.connection.close()
        self.connection = None


class Lease:
    """A held lease, which a thread renews."""

    def __init__(self, database: Server, token: str, session: LeaseSession) -> None:
        self.database = database
        self.token = token
        self.session = session
        self.lost = False
        # Read here, because the thread has no settings of its own. It must exceed the five seconds for which
        # a failed node blocks the others (evs.suspect_timeout). Otherwise that delay would end a lease.
        self.seconds = settings.active().lease_seconds
        self.ended = threading.Event()
        self.heart = threading.Thread(target=self._beat, daemon=True)
        self.heart.start()

    def _beat(self) -> None:
        session, pause = LeaseSession(self.database), self.seconds / 3
        while not self.ended.wait(pause):
            try:
                if session.execute(RENEW_LEASE, token=self.token).rowcount == 0:
                    self.lost = True
                    break
                pause = self.seconds / 3
            except DBAPIError:
                pause = min(1, self.seconds / 3)  # the error may be temporary; otherwise the fence reports it
        session.close()

    def confirm(self) -> None:
        """Confirm the lease before each attempt; raises MigrationError if it is lost."""
        with suppress(DBAPIError):
            self.lost = self.lost or self.session.execute(RENEW_LEASE, token=self.token).rowcount == 0
        self.check()

    def fence(self, run: Callable[..., Any]) -> None:
        """Check the lease in the transaction that is about to commit; raises MigrationError if it is lost."""
        self.lost = self.lost or run(RENEW_LEASE.replace(":token", "%s"), [self.token]).rowcount == 0
        self.check()

    def check(self) -> None:
        if self.lost:
            raise MigrationError(
                f"For {self.seconds:g} s or more this process gave no sign of life, so another one has taken "
                f"over {self.database}: nothing was changed by this one since, see `flask db status`."
            )

    def release(self) -> None:
        self.ended.set()
        self.heart.join(1)  # the thread may be waiting for a node that does not answer
        with suppress(DBAPIError):  # the lease also expires by itself, but later
            self.session.execute(RELEASE_LEASE, token=self.token)
        with suppress(DBAPIError):
            self.session.close()


class LeaseClaim:
    """Inserts the row of the lease, or takes it over."""

    def __init__(self, database: Server) -> None:
        self.token = uuid.uuid4().hex
        self.seconds = settings.active().lease_seconds
        # A long ALTER blocks every other commit in the cluster, so waiting is limited.
        self.session = LeaseSession(database, read_timeout=self.seconds)
        self.period = RetryPeriod()
        self.seen: tuple[str, int] | None = None
        self.alive = False

    def take(self) -> bool:
        try:
            return self._take()
        except DBAPIError as error:
            if not self.period.allows(error):
                raise
            return False

    def _take(self) -> bool:
        mine = {"token": self.token, "holder": process_tag()}
        row = self._look()
        if row is None:
            return self.session.execute(TAKE_LEASE, **mine).rowcount == 1
        if row.token == self.token:  # the answer to an earlier attempt was lost
            return True
        if self.seen != (row.token, row.beat):
            self.alive = self.seen is not None
            self.seen, self.since = (row.token, row.beat), time.monotonic()
        if time.monotonic() - self.since < self.seconds:
            return False
        return self.session.execute(TAKE_OVER_LEASE, **mine, old=row.token, beat=row.beat).rowcount == 1

    def _look(self) -> Row[Any] | None:
        try:
            return self.session.execute(READ_LEASE).first()
        except DBAPIError as error:
            if error_code(error) != NO_TABLE:
                raise
        self.session.execute(CREATE)
        return None

    def undecided(self) -> bool:
        """Return whether a holder was found that may be dead.

        It has not renewed its lease yet since it was found, so it may be about to be replaced.
        """
        return self.seen is not None and not self.alive

    def holder(self) -> str | None:
        """Describe the holder.

        A process of this host that has ended is waited for as well: the server may still run its statement.
        """
        try:
            row = self._look()
        except DBAPIError as error:
            return f"the cluster, whose node answers {error.orig},"
        return (
            describe_holder(row.holder) or describe_dead_holder(row.holder, f"within {self.seconds:g} s")
            if row
            else None
        )


@contextmanager
def hold_lease(database: Server) -> Iterator[tuple[Lease, bool]]:
    """Hold the lease; yields it and whether it had to be waited for."""
    claim = LeaseClaim(database)
    waited = poll_until(claim.take, claim.holder, str(database), claim.undecided)
    lease = Lease(database, claim.token, claim.session)
    try:
        yield lease, waited
    finally:
        lease.release()
