"""Settings for connections to MariaDB or MySQL, applied before SQLAlchemy or Alembic use them."""

import math
from typing import Any

from ... import settings


def limits() -> dict[str, Any]:
    """Return a short lock timeout, because a waiting ALTER blocks all later statements, even reads.

    The server's own default is a day: https://mariadb.com/kb/en/metadata-locking/
    """
    limit = math.ceil(settings.active().statement_lock_timeout)
    command = f"SET SESSION lock_wait_timeout = {limit}, innodb_lock_wait_timeout = {limit}"
    return {"init_command": command} if limit else {}


def apply(connection: Any, own: str | None, *, cluster: bool) -> None:
    """Apply the settings.

    `own` is the application's own init_command, which ours has replaced.
    """
    if cluster:
        # Reads wait for what other nodes have committed (a proxy may have sent the lease to one of them),
        # and a schema change applies to all nodes.
        # https://mariadb.com/kb/en/galera-cluster-system-variables/
        connection.query("SET SESSION wsrep_sync_wait = 15, wsrep_OSU_method = 'TOI'")
    if own:
        connection.query(own)
