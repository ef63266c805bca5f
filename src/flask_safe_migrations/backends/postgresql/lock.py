"""The migration lock on PostgreSQL: an advisory lock on a separate connection, acquired by polling."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError
from ..locking import LockHolder, poll_until, process_tag, read_tag
from ..server import Server

# Advisory locks belong to one database. These two numbers identify the migration lock.
LOCK = {"a": 0x0A1E, "b": 0x3B1C}
TAKE = text("SELECT pg_try_advisory_lock(:a, :b)")
# The name is visible to every user; without it, where and since when is not.
HOLDER = text(
    "SELECT a.application_name, a.pid, coalesce(host(a.client_addr), '') AS host, "
    """to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since """
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() "
    "AND l.classid = :a AND l.objid = :b AND l.objsubid = 2"
)
HELD = text(
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = pg_backend_pid() "
    "AND classid = :a AND objid = :b AND objsubid = 2"
)


@contextmanager
def advisory_lock(database: Server) -> Iterator[tuple[bool, Callable[[], None]]]:
    """Hold the lock, which stays in force across the commits between revisions.

    Yields whether it had to wait, and a function that raises MigrationError if the lock was lost.

    The lock is polled. A session that waits in pg_advisory_lock() holds a snapshot. A CREATE INDEX
    CONCURRENTLY of the lock's holder would wait for that snapshot, which is a deadlock.
    """
    pool = database.create_engine({"application_name": process_tag()}, isolation_level="AUTOCOMMIT")
    with pool.connect() as connection:
        _refuse_pooler(database, connection)
        disable_idle_timeout(connection)
        waited = poll_until(
            lambda: bool(connection.scalar(TAKE, LOCK)),
            lambda: find_holder(connection),
            str(database),
        )
        yield waited, lambda: _confirm(database, connection)


def find_holder(connection: Connection) -> LockHolder | None:
    row = connection.execute(HOLDER, LOCK).first()
    if row is None:
        return None
    return read_tag(row.application_name) or LockHolder(row.host, row.since or "", connection=row.pid)


def disable_idle_timeout(connection: Connection) -> None:
    """Disable the idle timeout (since PostgreSQL 14): the connection is idle while a revision runs."""
    if (connection.dialect.server_version_info or (0,)) >= (14,):
        connection.exec_driver_sql("SET idle_session_timeout = 0")


def _confirm(database: Server, connection: Connection) -> None:
    """Raise MigrationError if the lock was lost.

    The lock ends with its connection, and another process may have taken it since. This is checked in the
    transaction of each revision, before the commit. If another migration begins between the check and the
    commit, one of the two finds the row in alembic_version changed and rolls back.
    """
    try:
        held = connection.scalar(HELD, LOCK)
    except DBAPIError:
        held = 0
    if not held:
        raise MigrationError(
            f"The connection that locked {database} for this migration was lost, and another process may "
            "migrate by now: stopped, no further revision was stored; `flask db upgrade` goes on from there."
        )


def _refuse_pooler(database: Server, connection: Connection) -> None:
    """Refuse PgBouncer, which may use another session for every transaction.

    Neither locks nor settings would last. It is detected by the process id that it makes up.
    """
    driver: Any = connection.connection.dbapi_connection
    if driver.info.backend_pid != connection.exec_driver_sql("SELECT pg_backend_pid()").scalar():
        raise MigrationError(
            f"{database} leads to a connection pooler, where no lock holds: set MIGRATION_DATABASE_URL "
            "to the address of the server itself."
        )
