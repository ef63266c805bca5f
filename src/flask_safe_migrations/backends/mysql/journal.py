"""The journal of a revision, on an engine that commits at every DDL statement: a table of what has run.

A row about DML is part of the same transaction as the DML; a row about DDL is committed by the DDL itself,
as begun, and then marked as done. So what is in the journal has run, but for one statement that may have been
in flight.
"""

from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .galera import Lease

TABLE = "migration_journal"
CREATE = """CREATE TABLE IF NOT EXISTS migration_journal (
    step VARCHAR(64), position INT, digest CHAR(64), statement MEDIUMTEXT, done BOOL, matched BIGINT,
    last_id BIGINT UNSIGNED, before_it CHAR(64), version VARCHAR(100), session BIGINT UNSIGNED,
    PRIMARY KEY (step, position)
) ENGINE=InnoDB CHARACTER SET utf8mb4"""
INSERT = "INSERT INTO migration_journal VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, connection_id())"
ONE = "step = %s AND position = %s"
BUSY = (
    "SELECT id FROM information_schema.processlist "
    "WHERE id = %s AND id <> connection_id() AND db = database() AND command <> 'Sleep'"
)


class Row(NamedTuple):
    """One statement: of DML what the driver said of it, of DDL what it found."""

    digest: str
    statement: str
    done: bool
    matched: int | None = None
    last_id: int | None = None
    # See mariadb_state.py: what was there before, in the words of a server of this version.
    before_it: str | None = None
    version: str | None = None
    session: int | None = None  # the connection's number; set by the server


class Journal:
    """The table, by way of the migration's own connection but past all that listens to it."""

    def __init__(self, connection: Connection, lease: Lease | None) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.dialect = connection.dialect
        self.errors: Any = connection.dialect.loaded_dbapi.Error
        self.lease = lease
        self.place = str(connection.engine.url)

    def run(self, sql: str, values: Any = None) -> Any:
        """Return the driver's cursor; raises DBAPIError."""
        cursor = self.driver.cursor()
        try:
            cursor.execute(sql, values)
        except self.errors as error:
            # Only PyMySQL notices by itself that its connection is lost.
            lost = not self.driver.open or self.dialect.is_disconnect(error, self.driver, cursor)
            raise DBAPIError.instance(sql, None, error, self.errors, connection_invalidated=lost) from error
        return cursor

    def commit(self) -> None:
        try:
            self.driver.commit()
        except self.errors as error:
            raise DBAPIError.instance("COMMIT", None, error, self.errors) from error

    def commits_by_itself(self) -> bool:
        return bool(self.driver.get_autocommit())

    def version(self) -> str:
        return str(self.driver.get_server_info())

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

    def read(self, step: str) -> dict[int, Row]:
        """Return the rows by position."""
        self.fence()
        if not self.exists():  # on a cluster all nodes would wait for the CREATE
            self.run(CREATE)
        found = self.run("SELECT * FROM migration_journal WHERE step = %s", [step]).fetchall()
        rows = {position: Row(*rest) for _step, position, *rest in found}
        self.commit()
        return rows

    def is_busy(self, session: int | None) -> bool:
        """Whether the server works for this connection."""
        return bool(self.run(BUSY, [session]).fetchone())

    def write(self, step: str, position: int, row: Row) -> None:
        self.run(INSERT, [step, position, *row[:-1]])

    def adopt(self, step: str, position: int) -> None:
        """A statement that was in flight is about to run on this connection."""
        self.run(f"UPDATE migration_journal SET session = connection_id() WHERE {ONE}", [step, position])  # noqa: S608

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
