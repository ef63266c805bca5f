"""A connection to a node of a cluster for statements that commit by themselves and may fail for a while."""

from typing import Any

from sqlalchemy import Connection, CursorResult, text
from sqlalchemy import Engine as Pool
from sqlalchemy.exc import DBAPIError


class Session:
    """After an error it connects anew: on a node that has lost its place even a ROLLBACK raises 1213."""

    def __init__(self, pool: Pool) -> None:
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
