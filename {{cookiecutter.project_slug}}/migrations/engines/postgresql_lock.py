"""The lock of a migration on PostgreSQL: advisory, on a connection of its own, polled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, text

from .errors import MigrationError
from .server import Server
from .waiting import myself, told, wait_for

# Advisory locks belong to one database; these two numbers say that ours is about migrations.
LOCK = {"a": 0x0A1E, "b": 0x3B1C}
TAKE = text("SELECT pg_try_advisory_lock(:a, :b)")
HOLDER = text(
    "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
    "WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() "
    "AND l.classid = :a AND l.objid = :b AND l.objsubid = 2"
)


@contextmanager
def advisory_lock(database: Server) -> Iterator[bool]:
    """Hold the lock, which outlives the commits between revisions; yields whether it had to be waited for.

    It is polled: a session that waits in pg_advisory_lock() holds a snapshot, which a CREATE INDEX
    CONCURRENTLY of the process that has the lock would wait for: a deadlock.
    """
    pool = database.pool({"application_name": myself()}, isolation_level="AUTOCOMMIT")
    with pool.connect() as connection:
        _refuse_pooler(database, connection)
        yield wait_for(
            lambda: bool(connection.scalar(TAKE, LOCK)),
            lambda: told(connection.scalar(HOLDER, LOCK)),
            str(database),
        )


def _refuse_pooler(database: Server, connection: Connection) -> None:
    """PgBouncer may give every transaction another session: neither a lock nor a setting would last.

    It is known by the process id it makes up for a client that connects.
    """
    driver: Any = connection.connection.dbapi_connection
    if driver.info.backend_pid != connection.exec_driver_sql("SELECT pg_backend_pid()").scalar():
        raise MigrationError(
            f"{database} leads to a connection pooler, where no lock holds: set MIGRATION_DATABASE_URL "
            "to the address of the server itself."
        )
