"""Acquires the lease of galera.py: inserts the row or takes it over."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..locking import describe_dead_holder, describe_holder, poll_until, process_tag
from ..server import Server
from .galera import CREATE, Lease, connect
from .session import Patience
from .statements import NO_TABLE, code

SHOW = "SELECT token, holder, beat FROM migration_lock WHERE id = 1"
TAKE = "INSERT INTO migration_lock VALUES (1, :token, :holder, 0)"
TAKE_OVER = (
    "UPDATE migration_lock SET token = :token, holder = :holder, beat = 0 "
    "WHERE id = 1 AND token = :old AND beat = :beat"
)


class Claim:
    def __init__(self, database: Server) -> None:
        self.token = uuid.uuid4().hex
        self.seconds = settings.active().lease_seconds
        # A long ALTER blocks every other commit in the cluster, so waiting is limited.
        self.session = connect(database, read_timeout=self.seconds)
        self.patience = Patience()
        self.seen: tuple[str, int] | None = None
        self.alive = False

    def take(self) -> bool:
        try:
            return self._take()
        except DBAPIError as error:
            if not self.patience.bears(error):
                raise
            return False

    def _take(self) -> bool:
        mine = {"token": self.token, "holder": process_tag()}
        row = self._look()
        if row is None:
            return self.session.execute(TAKE, **mine).rowcount == 1
        if row.token == self.token:  # the answer to an earlier attempt was lost
            return True
        if self.seen != (row.token, row.beat):
            self.alive = self.seen is not None
            self.seen, self.since = (row.token, row.beat), time.monotonic()
        if time.monotonic() - self.since < self.seconds:
            return False
        return self.session.execute(TAKE_OVER, **mine, old=row.token, beat=row.beat).rowcount == 1

    def _look(self) -> Row[Any] | None:
        try:
            return self.session.execute(SHOW).first()
        except DBAPIError as error:
            if code(error) != NO_TABLE:
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
def hold(database: Server) -> Iterator[tuple[Lease, bool]]:
    """Hold the lease; yields it and whether it had to be waited for."""
    claim = Claim(database)
    waited = poll_until(claim.take, claim.holder, str(database), claim.undecided)
    lease = Lease(database, claim.token, claim.session)
    try:
        yield lease, waited
    finally:
        lease.release()
