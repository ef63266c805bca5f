"""The lock of a migration on MariaDB and MySQL: one of the server, on a connection of its own, polled."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import text

from .server import Server
from .waiting import wait_for

TAKE = text("SELECT GET_LOCK(:name, 0)")
HOLDER = text(
    "SELECT concat('the migration of ', host, ', connection ', id, ', since ', "
    "date_format(now() - INTERVAL time SECOND, '%Y-%m-%dT%H:%i:%s')) "
    "FROM information_schema.processlist WHERE id = IS_USED_LOCK(:name)"
)
CLUSTER = text("SHOW GLOBAL STATUS LIKE 'wsrep_cluster_size'")


@contextmanager
def server_lock(database: Server) -> Iterator[bool]:
    """Hold the lock, which ends with the connection, whatever ends that; yields whether it had to wait."""
    # Names are for the whole server, at most 64 characters long.
    name = {"name": f"migration:{hashlib.sha256(database.name.encode()).hexdigest()[:40]}"}
    with database.pool(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql("SET SESSION wait_timeout = 2147483")  # it rests as long as it takes
        if int((connection.execute(CLUSTER).first() or (0, 0))[1]) > 1:
            click.echo(
                "This is a Galera cluster, and the lock is known to this node only: "
                "let no other process migrate through another node.",
                err=True,
            )
        yield wait_for(
            lambda: connection.scalar(TAKE, name) == 1,
            lambda: connection.scalar(HOLDER, name),
            str(database),
        )
