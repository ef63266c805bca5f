"""Connections to MariaDB and MySQL: drivers, session settings, and errors that are worth a retry."""

import math
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ... import settings
from ..locking import PAUSE

# Error codes: https://mariadb.com/kb/en/mariadb-error-code-reference/
# A lock timeout, and a deadlock, which on a cluster may involve another node.
LOCK_TIMEOUT = 1205
LOCK_ERRORS = {LOCK_TIMEOUT, 1213}
# The errors of max_statement_time: one reports the limit, the other an interruption.
TIME_LIMIT_ERRORS = {1969, 1317}
NO_TABLE = 1146
NOT_IN_CLUSTER = 1047
# Temporary errors. Besides those above: a key that another node has inserted, a commit or statement that
# lost against another node's, and a node that does not answer or closes the connection.
TEMPORARY_ERRORS = LOCK_ERRORS | {NOT_IN_CLUSTER, 1062, 1180, 1317, 2002, 2003, 2006, 2013}


def error_code(error: Any) -> int | None:
    """Return the error number of a driver error, also if SQLAlchemy has wrapped it."""
    arguments = getattr(getattr(error, "orig", error), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


class RetryPeriod:
    """Allows retries for MIGRATION_LOCK_TIMEOUT seconds from now.

    The node may be joining or cut off, or another node may have committed first.
    """

    def __init__(self) -> None:
        self.ends = time.monotonic() + settings.active().lock_timeout

    def allows(self, error: DBAPIError, codes: set[int] = TEMPORARY_ERRORS) -> bool:
        return error_code(error) in codes and time.monotonic() < self.ends


def run_in_cluster(run: Callable[[], None]) -> None:
    """Call `run`, and retry while the node is not part of its cluster."""
    period = RetryPeriod()
    while True:
        try:
            return run()
        except DBAPIError as error:
            if not period.allows(error, {NOT_IN_CLUSTER}):
                raise
        time.sleep(PAUSE)


def statement_limits() -> dict[str, Any]:
    """Return a short lock timeout, because a waiting ALTER blocks all later statements, even reads.

    The server's own default is a day: https://mariadb.com/kb/en/metadata-locking/
    """
    limit = math.ceil(settings.active().statement_lock_timeout)
    command = f"SET SESSION lock_wait_timeout = {limit}, innodb_lock_wait_timeout = {limit}"
    return {"init_command": command} if limit else {}


def limit_lock_waits(connection: Connection, seconds: int) -> None:
    """Limit the session, before its first transaction."""
    driver: Any = connection.connection.driver_connection
    driver.query(f"SET SESSION lock_wait_timeout = LEAST(@@lock_wait_timeout, {seconds})")


def apply_settings(connection: Any, init_command: str | None, *, cluster: bool) -> None:
    """Apply settings to a driver's connection, before SQLAlchemy or Alembic use it.

    `init_command` is the application's own, if ours has replaced it.
    """
    if cluster:
        # Reads wait for what other nodes have committed (a proxy may have sent the lease to one of them),
        # and a schema change applies to all nodes.
        # https://mariadb.com/kb/en/galera-cluster-system-variables/
        connection.query("SET SESSION wsrep_sync_wait = 15, wsrep_OSU_method = 'TOI'")
    if init_command:
        connection.query(init_command)


class PyMySQL:
    """https://pymysql.readthedocs.io/en/latest/modules/connections.html"""

    def arguments(self, arguments: dict[str, Any], *, unlimited: bool) -> dict[str, Any]:
        """Return the arguments of connect(). With `unlimited`, only connecting has a read timeout."""
        return arguments

    def connected(self, connection: Any, *, unlimited: bool) -> None:
        """Remove the read timeout. PyMySQL has no public API for that."""
        if not unlimited:
            return
        if not hasattr(connection, "_read_timeout"):
            raise RuntimeError(
                "This release of flask-safe-migrations does not know the PyMySQL installed: "
                "install an older one."
            )
        connection._read_timeout = None


class MySQLClient:
    """https://mysqlclient.readthedocs.io/user_guide.html: read_timeout is fixed and in whole seconds.

    It is not needed for the greeting of a server that is not MySQL, because connect_timeout covers that.
    """

    def arguments(self, arguments: dict[str, Any], *, unlimited: bool) -> dict[str, Any]:
        return {
            name: math.ceil(value) if name.endswith("_timeout") else value
            for name, value in arguments.items()
            if name != "read_timeout" or not unlimited
        }

    def connected(self, connection: Any, *, unlimited: bool) -> None:
        pass


# By SQLAlchemy's name for the driver.
DRIVERS: dict[str, PyMySQL | MySQLClient] = {"pymysql": PyMySQL(), "mysqldb": MySQLClient()}
