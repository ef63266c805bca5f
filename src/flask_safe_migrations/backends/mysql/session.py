"""A node of a cluster may fail for a while: it joins, it is cut off, or another node was first."""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..locking import PAUSE
from .statements import AGAIN, NOT_IN_CLUSTER, code


class Patience:
    """For MIGRATION_LOCK_TIMEOUT seconds from now such errors are borne."""

    def __init__(self) -> None:
        self.ends = time.monotonic() + settings.active().lock_timeout

    def bears(self, error: DBAPIError, codes: set[int] = AGAIN) -> bool:
        return code(error) in codes and time.monotonic() < self.ends


def when_ready(run: Callable[[], None]) -> None:
    """Call `run`, and call it again while the node is not part of its cluster."""
    patience = Patience()
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not patience.bears(error, {NOT_IN_CLUSTER}):
                raise
        time.sleep(PAUSE)


class Session:
    """Statements that commit by themselves; after an error on a new connection: ROLLBACK may raise 1213."""

    def __init__(self, pool: Engine) -> None:
        self.pool = pool
        self.connection: Connection | None = None

    def execute(self, sql: str, **values: Any) -> CursorResult[Any]:
        self.connection = self.connection or self.pool.connect()
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
