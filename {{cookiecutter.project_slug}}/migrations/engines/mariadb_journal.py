"""The journal of a revision, on an engine that commits at every DDL statement: a table of what has run.

A row about DML is part of the same transaction as the DML; a row about DDL is committed by the DDL itself,
as begun, and then marked as done. So what is in the journal has run, but for one statement that may have been
in flight.
"""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .mariadb_lease import Lease

TABLE = "migration_journal"
CREATE = """CREATE TABLE IF NOT EXISTS migration_journal (
    step VARCHAR(64), position INT, digest CHAR(64), done BOOL, statement MEDIUMTEXT,
    PRIMARY KEY (step, position)
) ENGINE=InnoDB CHARACTER SET utf8mb4"""
ONE = "step = %s AND position = %s"


class Journal:
    """The table, by way of the migration's own connection but past all that listens to it."""

    def __init__(self, connection: Connection, lease: Lease | None) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.errors: type[Exception] = connection.dialect.loaded_dbapi.Error
        self.lease = lease

    def run(self, sql: str, values: Any = None) -> Any:
        """Return the driver's cursor; raises DBAPIError."""
        cursor = self.driver.cursor()
        try:
            cursor.execute(sql, values)
        except self.errors as error:
            lost = not self.driver.open
            raise DBAPIError.instance(sql, None, error, self.errors, connection_invalidated=lost) from error
        return cursor

    def commit(self) -> None:
        try:
            self.driver.commit()
        except self.errors as error:
            raise DBAPIError.instance("COMMIT", None, error, self.errors) from error

    def fence(self) -> None:
        """On a cluster: what is committed next is committed only while the lease is ours."""
        if self.lease:
            self.lease.fence(self.run)

    def exists(self) -> bool:
        return bool(self.run("SHOW TABLES LIKE 'migration_journal'").fetchone())

    def steps(self) -> list[str]:
        """What has begun and not ended: no step, or one."""
        rows = self.run("SELECT DISTINCT step FROM migration_journal").fetchall() if self.exists() else []
        return [step for (step,) in rows]

    def read(self, step: str) -> dict[int, tuple[str, bool, str]]:
        """Return digest, whether it is done, and statement by position."""
        self.fence()
        if not self.exists():  # on a cluster all nodes would wait for the CREATE
            self.run(CREATE)
        query = "SELECT position, digest, done, statement FROM migration_journal WHERE step = %s"
        rows = {position: tuple(rest) for position, *rest in self.run(query, [step]).fetchall()}
        self.commit()
        return rows

    def write(self, step: str, position: int, digest: str, *, done: bool, statement: str) -> None:
        values = [step, position, digest, done, statement]
        self.run("INSERT INTO migration_journal VALUES (%s, %s, %s, %s, %s)", values)

    def mark(self, step: str, position: int) -> None:
        self.run(f"UPDATE migration_journal SET done = TRUE WHERE {ONE}", [step, position])  # noqa: S608
        self.commit()

    def forget(self, step: str, position: int) -> None:
        self.fence()  # without the lease the row is another's
        self.run(f"DELETE FROM migration_journal WHERE {ONE}", [step, position])  # noqa: S608
        self.commit()

    def clear(self, step: str) -> None:
        self.run("DELETE FROM migration_journal WHERE step = %s", [step])

    def remove(self) -> None:
        if self.exists() and not self.steps():
            self.fence()
            self.run("DROP TABLE IF EXISTS migration_journal")
