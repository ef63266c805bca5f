"""The migration lock on a Galera cluster: a lease, because the nodes do not share GET_LOCK.

The lease is a row in a table. If two nodes write to the same row, only one of them can commit:
https://galeracluster.com/library/documentation/certification-based-replication.html The holder increments
the row's `beat` while it is alive. A process that has seen the same beat for MIGRATION_LEASE_SECONDS takes
over the row. Each process measures only its own waiting time. Clocks are not compared, because each node
has its own.

A holder that was suspended or cut off may not know that it has lost its lease. Therefore each of its
commits also writes to the row, in the same transaction (`fence`). After another process has taken over,
that commit fails.
"""

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from sqlalchemy.exc import DBAPIError

from ... import settings
from ...errors import MigrationError
from ..server import Server
from .session import Session

TABLE = "migration_lock"
# `token` identifies the holder. A standalone server also stores its note for other processes here.
CREATE = """CREATE TABLE IF NOT EXISTS migration_lock (
    id INT PRIMARY KEY, token VARCHAR(40), holder VARCHAR(100), beat BIGINT
) ENGINE=InnoDB CHARACTER SET utf8mb4"""
BEAT = "UPDATE migration_lock SET beat = beat + 1 WHERE token = :token"
RELEASE = "DELETE FROM migration_lock WHERE token = :token"
# MIGRATION_LEASE_SECONDS must exceed the five seconds for which a failed node blocks the others
# (evs.suspect_timeout). Otherwise that delay would end a lease.


def connect(database: Server, **arguments: Any) -> Session:
    # If the node uses another method, the table would be created on that node only.
    arguments["init_command"] = "SET SESSION wsrep_OSU_method = 'TOI', innodb_lock_wait_timeout = 5"
    return Session(database.create_engine(arguments, isolation_level="AUTOCOMMIT"))


class Lease:
    """A held lease, which a thread renews."""

    def __init__(self, database: Server, token: str, session: Session) -> None:
        self.database = database
        self.token = token
        self.session = session
        self.lost = False
        self.seconds = settings.active().lease_seconds  # read here: the thread has no settings of its own
        self.ended = threading.Event()
        self.heart = threading.Thread(target=self._beat, daemon=True)
        self.heart.start()

    def _beat(self) -> None:
        session, pause = connect(self.database), self.seconds / 3
        while not self.ended.wait(pause):
            try:
                if session.execute(BEAT, token=self.token).rowcount == 0:
                    self.lost = True
                    break
                pause = self.seconds / 3
            except DBAPIError:
                pause = min(1, self.seconds / 3)  # the error may be temporary; otherwise the fence reports it
        session.close()

    def confirm(self) -> None:
        """Confirm the lease before each attempt; raises MigrationError if it is lost."""
        with suppress(DBAPIError):
            self.lost = self.lost or self.session.execute(BEAT, token=self.token).rowcount == 0
        self.check()

    def fence(self, run: Callable[..., Any]) -> None:
        """Check the lease in the transaction that is about to commit; raises MigrationError if it is lost."""
        self.lost = self.lost or run(BEAT.replace(":token", "%s"), [self.token]).rowcount == 0
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
            self.session.execute(RELEASE, token=self.token)
        with suppress(DBAPIError):
            self.session.close()
