"""The lock of a migration on a Galera cluster, whose nodes do not know of each other's GET_LOCK: a lease.

It is a row in a table. Of two nodes that write into one row exactly one can commit:
https://galeracluster.com/library/documentation/certification-based-replication.html
The holder counts the row's `beat` up while it lives; who has seen the same beat for MIGRATION_LEASE_SECONDS
takes the row over. Clocks are not compared, each process only measures how long it has waited: the nodes of
a cluster have a clock each.

A holder that was suspended or cut off may not know that it has lost its lease. So what it commits writes into
the row as well, in the same transaction (`fence`): once another has taken it over, that commit fails.
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
# The `token` says whose row it is; a server on its own keeps its note for others in here as well.
CREATE = """CREATE TABLE IF NOT EXISTS migration_lock (
    id INT PRIMARY KEY, token VARCHAR(40), holder VARCHAR(100), beat BIGINT
) ENGINE=InnoDB CHARACTER SET utf8mb4"""
BEAT = "UPDATE migration_lock SET beat = beat + 1 WHERE token = :token"
RELEASE = "DELETE FROM migration_lock WHERE token = :token"
# MIGRATION_LEASE_SECONDS has to be more than the five for which a node that dies holds up the others
# (evs.suspect_timeout), or that would end somebody's lease.


def connect(database: Server, **arguments: Any) -> Session:
    # Where a node is set to another method, the table would be made on that one alone.
    arguments["init_command"] = "SET SESSION wsrep_OSU_method = 'TOI', innodb_lock_wait_timeout = 5"
    return Session(database.create_engine(arguments, isolation_level="AUTOCOMMIT"))


class Lease:
    """The lease while it is held: a thread renews it."""

    def __init__(self, database: Server, token: str, session: Session) -> None:
        self.database = database
        self.token = token
        self.session = session
        self.lost = False
        self.seconds = settings.active().lease_seconds  # here: the thread has no settings of its own
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
                pause = min(1, self.seconds / 3)  # this may pass, or the fence will tell
        session.close()

    def confirm(self) -> None:
        """Before anything is tried, for the first time or again; raises MigrationError where it is lost."""
        with suppress(DBAPIError):
            self.lost = self.lost or self.session.execute(BEAT, token=self.token).rowcount == 0
        self.check()

    def fence(self, run: Callable[..., Any]) -> None:
        """In the transaction that is about to be committed; raises MigrationError where the lease is lost."""
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
        self.heart.join(1)  # it may be waiting for a node that does not answer
        with suppress(DBAPIError):  # it ends by itself, only later
            self.session.execute(RELEASE, token=self.token)
        with suppress(DBAPIError):
            self.session.close()
