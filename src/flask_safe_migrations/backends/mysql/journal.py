"""The journal of a revision: a table of the statements that have run, because every DDL statement commits.

The row for a DML statement is part of the same transaction as the statement. The row for a DDL statement is
committed by that statement, marked as begun, and is marked as done afterwards. So every statement in the
journal has run, except for one that may have been interrupted. The result of a query is part of the
transaction of the statement that follows.
"""

from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from .lock import Lease
from .query_results import write_select

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
RUNNING = (
    "SELECT id, time, state FROM information_schema.processlist "
    "WHERE id = %s AND db = database() AND command <> 'Sleep'"
)

# The step of a downgrade: this and the revision.
DOWNGRADE = "the downgrade of "


def explain(step: str) -> str:
    """Return one sentence about a step that has begun and not ended."""
    if step.startswith(DOWNGRADE):
        name = step.removeprefix(DOWNGRADE)
        state, resume = f"The downgrade of {name} stopped half-way", "`flask db downgrade`"
    else:
        state, resume = f"Revision {step} is half applied", "`flask db upgrade`"
    return f"{state}: {resume} with its file resumes it, `flask db resume --abandon` gives it up."


class Row(NamedTuple):
    """One statement: the driver's result of DML, or the state before DDL.

    The result of a query is a row as well: a SELECT that returns it again, and in `matched` the position of
    the statement before it. Its own position is negative.
    """

    digest: str
    statement: str
    done: bool
    matched: int | None = None
    last_id: int | None = None
    # The state before the statement, as reported by a server of this version. See resume.py.
    before_it: str | None = None
    version: str | None = None
    session: int | None = None  # the connection id; set by the server


class Journal:
    """The journal table. It uses the migration's connection, but bypasses the event listeners."""

    def __init__(self, connection: Connection, lease: Lease | None) -> None:
        self.driver: Any = connection.connection.dbapi_connection
        self.dialect = connection.dialect
        self.errors: Any = connection.dialect.loaded_dbapi.Error
        self.lease = lease
        self.database = str(connection.engine.url)

    def run(self, sql: str, values: Any = None) -> Any:
        """Run a statement and return the driver's cursor; raises DBAPIError."""
        cursor = self.driver.cursor()
        try:
            cursor.execute(sql, values)
        except self.errors as error:
            # Only PyMySQL detects a lost connection by itself.
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
        """On a cluster, make the next commit succeed only if the lease is still held."""
        if self.lease:
            self.lease.fence(self.run)

    def exists(self) -> bool:
        return bool(self.run("SHOW TABLES LIKE 'migration_journal'").fetchone())

    def steps(self) -> list[str]:
        """Return the steps that have begun and not ended: none or one."""
        rows = self.run("SELECT DISTINCT step FROM migration_journal").fetchall() if self.exists() else []
        return [step for (step,) in rows]

    def read(self, step: str) -> dict[int, Row]:
        """Return the statements by position."""
        self.fence()
        if not self.exists():  # on a cluster, all nodes would wait for the CREATE
            self.run(CREATE)
        rows = self._read(step, "position > 0")
        self.commit()
        return rows

    def read_results(self, step: str) -> dict[int, Row]:
        """Return the results of queries by number."""
        return {-position: row for position, row in self._read(step, "position < 0").items()}

    def _read(self, step: str, condition: str) -> dict[int, Row]:
        query = f"SELECT * FROM migration_journal WHERE step = %s AND {condition}"  # noqa: S608
        return {position: Row(*rest) for _step, position, *rest in self.run(query, [step]).fetchall()}

    def is_busy(self, session: int | None) -> bool:
        """Return whether the server is still running a statement for this connection."""
        return bool(self.run(BUSY, [session]).fetchone())

    def describe_running(self, session: int | None) -> str | None:
        """Return for how long the server has run a statement for this connection, and what it waits for."""
        found = self.run(RUNNING, [session]).fetchone()
        return "connection {}, {} s, {}".format(*found).removesuffix(", ") if found else None

    def write(self, step: str, position: int, row: Row) -> None:
        self.run(INSERT, [step, position, *row[:-1]])

    def adopt(self, step: str, position: int) -> None:
        """Record that an interrupted statement is about to run on this connection."""
        self.run(f"UPDATE migration_journal SET session = connection_id() WHERE {ONE}", [step, position])  # noqa: S608

    def mark(self, step: str, position: int) -> None:
        self.run(f"UPDATE migration_journal SET done = TRUE WHERE {ONE}", [step, position])  # noqa: S608
        self.commit()

    def forget(self, step: str, position: int) -> None:
        """Remove a statement that has not run, and what was read right before it: it may be another now."""
        self.fence()  # without the lease, the row belongs to another process
        self.run(f"DELETE FROM migration_journal WHERE {ONE}", [step, position])  # noqa: S608
        late = "DELETE FROM migration_journal WHERE step = %s AND position < 0 AND matched >= %s"
        self.run(late, [step, position - 1])
        self.commit()

    def write_select(self, names: list[str], rows: Any) -> str | None:
        """Return a SELECT of these rows, or None: see query_results.py."""
        return write_select(names, rows, longest=self.packet // 2, is_mariadb=self.is_mariadb())

    @cached_property
    def packet(self) -> int:
        """The size of a statement that the server accepts."""
        return int(self.run("SELECT @@max_allowed_packet").fetchone()[0])

    def commits_in_code(self) -> bool:
        """Return whether the statement that has just run has ended its transaction. MySQL does not tell."""
        return self.is_mariadb() and not self.run("SELECT @@in_transaction").fetchone()[0]

    def is_mariadb(self) -> bool:
        return bool(self.dialect.is_mariadb)  # type: ignore[attr-defined]

    def clear(self, step: str) -> None:
        self.run("DELETE FROM migration_journal WHERE step = %s", [step])

    def remove(self) -> None:
        if self.exists() and not self.steps():
            self.fence()
            self.run("DROP TABLE IF EXISTS migration_journal")
