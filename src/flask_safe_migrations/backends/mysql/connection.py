"""What is set on a connection to MariaDB or MySQL, before SQLAlchemy or Alembic see it."""

import math
from typing import Any

from ... import settings


def limits() -> dict[str, Any]:
    """An ALTER that waits for a transaction stops all who come after it, readers too: it gives way soon.

    https://mariadb.com/kb/en/metadata-locking/: the server itself would have it wait for a day.
    """
    limit = math.ceil(settings.active().statement_lock_timeout)
    command = f"SET SESSION lock_wait_timeout = {limit}, innodb_lock_wait_timeout = {limit}"
    return {"init_command": command} if limit else {}


def apply(connection: Any, own: str | None, *, endless: bool, cluster: bool) -> None:
    """`own` is the application's own init_command, which comes after ours."""
    if endless:
        _wait_without_end(connection)
    if cluster:
        # Reads wait for what other nodes have committed (a proxy may have sent the lease to one of them),
        # and a change of the schema is one on all nodes.
        # https://mariadb.com/kb/en/galera-cluster-system-variables/
        connection.query("SET SESSION wsrep_sync_wait = 15, wsrep_OSU_method = 'TOI'")
    if own and connection.init_command != own:
        connection.query(own)


def _wait_without_end(connection: Any) -> None:
    """Connected: from here on a statement may take hours. PyMySQL has no public way to say so."""
    if not hasattr(connection, "_read_timeout"):
        raise RuntimeError(
            "This release of flask-safe-migrations does not know the PyMySQL installed: install an older one."
        )
    connection._read_timeout = None
