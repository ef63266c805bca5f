"""The lock of a migration on a Galera cluster, whose nodes do not know of each other's GET_LOCK: a lease.

It is a row in a table. Of two nodes that write into one row exactly one can commit:
https://galeracluster.com/library/documentation/certification-based-replication.html
The holder counts the row's `beat` up while it lives; who has seen the same beat for LEASE seconds takes the
row over. Clocks are not compared, each process only measures how long it has waited: the nodes of a cluster
have a clock each.

A holder that was suspended or cut off may not know that it has lost its lease. So what it commits writes into
the row as well, in the same transaction (`fence`): once another has taken it over, that commit fails.
"""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy.exc import DBAPIError

from .errors import MigrationError
from .mariadb_session import Session
from .mariadb_statements import AGAIN, NO_TABLE, code
from .server import Server
from .waiting import died, myself, told, wait_for

TABLE = "migration_lock"
# The `token` says whose row it is; a server on its own keeps its note for others in here as well.
CREATE = """CREATE TABLE IF NOT EXISTS migration_lock (
    id INT PRIMARY KEY, token VARCHAR(40), holder VARCHAR(100), beat BIGINT
) ENGINE=InnoDB CHARACTER SET utf8mb4"""
SHOW = "SELECT token, holder, beat FROM migration_lock WHERE id = 1"
TAKE = "INSERT INTO migration_lock VALUES (1, :token, :holder, 0)"
TAKE_OVER = (
    "UPDATE migration_lock SET token = :token, holder = :holder, beat = 0 "
    "WHERE id = 1 AND token = :old AND beat = :beat"
)
BEAT = "UPDATE migration_lock SET beat = beat + 1 WHERE token = :token"
RELEASE = "DELETE FROM migration_lock WHERE token = :token"
# Seconds. A node that dies holds up the others for five (evs.suspect_timeout): that ends nobody's lease.
LEASE = 15


class Lease:
    def __init__(self, database: Server) -> None:
        self.database = database
        self.token = uuid.uuid4().hex
        self.lost = False
        self.ended = threading.Event()
        self.seen: tuple[str, int] | None = None
        self.answer = ""
        # Where a node is set to another method, the table would be made on that one alone.
        everywhere = {"init_command": "SET SESSION wsrep_OSU_method = 'TOI'"}
        # A long ALTER keeps every other commit of the cluster waiting: a process that waits gives up in time.
        patience = everywhere | {"read_timeout": LEASE}
        self.session = Session(database.pool(patience, isolation_level="AUTOCOMMIT"))
        self.heart_session = Session(database.pool(everywhere, isolation_level="AUTOCOMMIT"))
        self.heart = threading.Thread(target=self._beat, daemon=True)

    def take(self) -> bool:
        try:
            return self._take()
        except DBAPIError as error:
            if code(error) == NO_TABLE:
                self.session.execute(CREATE)
            elif code(error) not in AGAIN and not error.connection_invalidated:
                raise
            self.answer = f"the cluster, whose node answers {error.orig},"
            return False

    def _take(self) -> bool:
        mine = {"token": self.token, "holder": myself()}
        row = self.session.execute(SHOW).first()
        if row is None:
            return self.session.execute(TAKE, **mine).rowcount == 1
        if row.token == self.token:  # the answer to an earlier try was lost
            return True
        if self.seen != (row.token, row.beat):
            self.seen, self.since = (row.token, row.beat), time.monotonic()
        if time.monotonic() - self.since < LEASE:
            return False
        return self.session.execute(TAKE_OVER, **mine, old=row.token, beat=row.beat).rowcount == 1

    def holder(self) -> str | None:
        """A process of this host that is gone is waited for as well: the server may still work for it."""
        try:
            row = self.session.execute(SHOW).first()
        except DBAPIError:
            return self.answer
        return told(row.holder) or died(row.holder, f"within {LEASE} s") if row else None

    def _beat(self) -> None:
        pause = LEASE / 3
        while not self.ended.wait(pause):
            try:
                self.lost = self.heart_session.execute(BEAT, token=self.token).rowcount == 0
                pause = LEASE / 3
            except DBAPIError:
                pause = min(1, LEASE / 3)  # this may pass, or the fence will tell
            if self.lost:
                return

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
                f"For {LEASE} s or more this process gave no sign of life, so another one has taken over "
                f"{self.database}: nothing was changed by this one since, see `make status`."
            )

    def release(self) -> None:
        self.ended.set()
        self.heart.join(1)  # it may be waiting for a node that does not answer
        with suppress(DBAPIError):  # it ends by itself, only later
            self.session.execute(RELEASE, token=self.token)
        with suppress(DBAPIError):
            self.session.close()


@contextmanager
def hold(database: Server) -> Iterator[tuple[Lease, bool]]:
    """Hold the lease; yields it and whether it had to be waited for."""
    lease = Lease(database)
    waited = wait_for(lease.take, lease.holder, str(database))
    lease.heart.start()
    try:
        yield lease, waited
    finally:
        lease.release()
