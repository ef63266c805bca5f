"""The migration lock on MariaDB and MySQL, on a standalone server or in a cluster."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from ..locking import describe_holder, poll_until, process_tag
from ..server import Server
from .galera import CREATE

TAKE = text("SELECT GET_LOCK(:name, 0)")
# The server knows only the holder's connection. A note describes the holder while the lock is held.
NOTE = text("REPLACE INTO migration_lock VALUES (1, connection_id(), :holder, 0)")
READ_NOTE = text("SELECT holder FROM migration_lock WHERE token = CAST(IS_USED_LOCK(:name) AS CHAR)")
HOLDER = text(
    "SELECT concat('the migration of ', host, ', connection ', id, ', since ', "
    "date_format(now() - INTERVAL time SECOND, '%Y-%m-%dT%H:%i:%s')) "
    "FROM information_schema.processlist WHERE id = IS_USED_LOCK(:name)"
)
OLDEST = text(
    "SELECT p.id, p.user, p.command, t.trx_started FROM information_schema.innodb_trx t "
    "JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id "
    "WHERE p.id <> connection_id() ORDER BY t.trx_started LIMIT 1"
)
CLUSTER = text("SHOW GLOBAL VARIABLES WHERE variable_name IN ('wsrep_on', 'wsrep_provider')")


def is_cluster(connection: Connection) -> bool:
    """Return whether the server is a node of a Galera cluster, even if the other nodes are down."""
    settings = {name.lower(): value for name, value in connection.execute(CLUSTER)}
    return settings.get("wsrep_on") == "ON" and settings.get("wsrep_provider", "none") not in {"", "none"}


def rest_as_long_as_it_takes(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION wait_timeout = 2147483")


@contextmanager
def server_lock(database: Server, connection: Connection) -> Iterator[bool]:
    """Hold the lock, which always ends with the connection; yields whether it had to wait."""
    # Lock names apply to the whole server and have at most 64 characters.
    name = {"name": f"migration:{hashlib.sha256(database.name.encode()).hexdigest()[:40]}"}

    def holder() -> str | None:
        with suppress(DBAPIError):  # the note is written after the lock is taken
            if who := describe_holder(connection.scalar(READ_NOTE, name)):
                return who
        who = connection.scalar(HOLDER, name)
        return str(who) if who else None

    rest_as_long_as_it_takes(connection)
    waited = poll_until(lambda: connection.scalar(TAKE, name) == 1, holder, str(database))
    with suppress(DBAPIError):  # the note is only informative
        connection.exec_driver_sql(CREATE)
        connection.execute(NOTE, {"holder": process_tag()})
    try:
        yield waited
    finally:
        with suppress(SQLAlchemyError):
            connection.exec_driver_sql("DROP TABLE IF EXISTS migration_lock")
