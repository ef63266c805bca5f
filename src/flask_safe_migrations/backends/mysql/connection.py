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


def apply(connection: Any, own: str | None, *, cluster: bool) -> None:
    """`own` is the application's own init_command, where ours has taken its place."""
    if cluster:
        # Reads wait for what other nodes have committed (a proxy may have sent the lease to one of them),
        # and a change of the schema is one on all nodes.
        # https://mariadb.com/kb/en/galera-cluster-system-variables/
        connection.query("SET SESSION wsrep_sync_wait = 15, wsrep_OSU_method = 'TOI'")
    if own:
        connection.query(own)
