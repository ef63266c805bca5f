"""Replaces the old database with a new one on PostgreSQL: one transaction swaps their names."""

from collections.abc import Callable

from sqlalchemy import text

from .. import server_shadow
from ..server import Server

DISCONNECT = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (:a, :b)")


def rebuild(database: Server, fill: Callable[..., None]) -> None:
    """Fill a new database, then replace this one with it. This one is not changed before that.

    The databases `_building_…` and `_replaced_…` are never the only copy. A process that gets their lock
    may drop them.
    """
    with database.rebuild_lock() as connection:
        new, old = server_shadow.claim(database, connection, "building", "replaced", drop=type(database).drop)
        new.create()
        try:
            fill(new)
            _swap(database, new, old)
        finally:
            new.drop()
            old.drop()


def _swap(database: Server, new: Server, old: Server) -> None:
    existed = database.exists()
    with database.connect_to_maintenance() as connection:
        connection.execute(DISCONNECT, {"a": database.name, "b": new.name})
    with database.with_name(str(database.maintenance)).connect() as connection, connection.begin():
        names = [each.quoted(connection) for each in (database, new, old)]
        if existed:
            connection.exec_driver_sql(f"ALTER DATABASE {names[0]} RENAME TO {names[2]}")
        connection.exec_driver_sql(f"ALTER DATABASE {names[1]} RENAME TO {names[0]}")
