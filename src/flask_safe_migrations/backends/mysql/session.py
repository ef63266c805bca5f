"""Retries for temporary failures of a cluster node.

The node may be joining or cut off, or another node may have committed first.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine, text
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..locking import PAUSE
from .statements import AGAIN, NOT_IN_CLUSTER, code


class Patience:
    """Tolerates such errors for MIGRATION_LOCK_TIMEOUT seconds from now."""

    def __init__(self) -> None:
        self.ends = time.monotonic() + settings.active().lock_timeout

    def bears(self, error: DBAPIError, codes: set[int] = AGAIN) -> bool:
        return code(error) in codes and time.monotonic() < self.ends


def when_ready(run: Callable[[], None]) -> None:
    """Call `run`, and retry while the node is not part of its cluster."""
    patience = Patience()
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not patience.bears(error, {NOT_IN_CLUSTER}):
                raise
        time.sleep(PAUSE)


class Session:
    """Run autocommitted statements. After an error, reconnect, because a ROLLBACK may raise error 1213."""

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
