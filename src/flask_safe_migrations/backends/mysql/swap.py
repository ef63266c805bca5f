"""Replaces the old database with a new one on MariaDB and MySQL, where a database cannot be renamed.

One RENAME TABLE exchanges all tables. It is atomic even if the client is killed, and since MariaDB 10.6
even if the server is (https://mariadb.com/kb/en/atomic-ddl/). Objects that it cannot move are on a list
that moves with the tables (stored_objects.py). If a process is killed before it has created them, the next
process does it.
"""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError
from .. import shadow_databases
from ..server import Server
from . import stored_objects
from .journal import TABLE as JOURNAL
from .stored_objects import Code, quote, rows

TABLES = (
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = %s AND table_type NOT LIKE '%%VIEW%%'"
)
FOLLOWERS = (
    "SELECT DISTINCT concat(table_schema, '.', table_name) FROM information_schema.key_column_usage "
    "WHERE referenced_table_schema = %s AND table_schema NOT IN (%s, %s)"
)
PATIENCE = 10  # seconds that other clients have to end their transactions
LOCK_WAIT_TIMEOUT = 1205  # https://mariadb.com/kb/en/mariadb-error-code-reference/


def rebuild(database: Server, fill: Callable[..., None]) -> None:
    """Fill a new database, then replace this one with it. This one is not changed before that.

    The databases `_building_…` and `_replaced_…` are never the only copy. A process that gets their lock
    may drop them.
    """
    with database.rebuild_lock() as connection:
        new, old = shadow_databases.reserve(database, connection, "building", "replaced", drop=_drop_database)
        new.create()
        try:
            fill(new)
            database.create()
            with database.lock():
                old.create()
                _swap(database, new, old)
        finally:
            new.drop()
            old.drop()


def heal(database: Server) -> None:
    """Finish, under the lock, what a killed process has left undone."""
    with _session(database) as connection:
        if not stored_objects.is_unfinished(connection):
            return
        with database.lock():
            stored_objects.finish(connection)


def _swap(database: Server, new: Server, old: Server) -> None:
    with _session(database) as here:
        stored_objects.finish(here)
        if followers := rows(here, FOLLOWERS, database.name, database.name, old.name):
            raise MigrationError(
                f"Table {followers[0][0]} of another database refers to {database.name}, which so cannot be "
                "replaced: drop that foreign key first."
            )
        old_code = stored_objects.read(here)
        with _session(new) as there:
            stored_objects.finish(there)  # a snapshot may contain such a list
            new_code = [_moved(item, new, database) for item in stored_objects.read(there)]
            dropped = [Code(item.kind, item.name) for item in old_code if item.kind != "TRIGGER"]
            charset = Code("", "", "ALTER DATABASE CHARACTER SET utf8mb4")
            defaults = stored_objects.defaults(there, new.name, database.name)
            stored_objects.store(there, [charset, *dropped, *defaults, *new_code])
            _drop(there, [item for item in new_code if item.kind == "TRIGGER"])
        # A table with triggers cannot move to another database, and a view may have the name of a new
        # table.
        names = {name for (name,) in rows(here, TABLES, new.name)}
        in_the_way = [item for item in old_code if item.kind == "TRIGGER" or item.name in names]
        if in_the_way:
            stored_objects.store(here, in_the_way)
            _drop(here, in_the_way)
        try:
            _rename(here, database, new, old)
        finally:  # the list of the new database, or of the old one if it stays
            stored_objects.finish(here)


def _rename(connection: Connection, database: Server, new: Server, old: Server) -> None:
    # The lock tables are in use, also by this process. They are not moved.
    staying = database.library_tables - Server.library_tables - {JOURNAL, stored_objects.TABLE}
    moves = []
    for source, target in ((database, old), (new, database)):
        for (table,) in rows(connection, TABLES, source.name):
            if table not in staying:
                place = f"{quote(source.name)}.{quote(table)}"
                moves.append(f"{place} TO {quote(target.name)}.{quote(table)}")
    try:
        rows(connection, f"RENAME TABLE {', '.join(moves)}")
    except DBAPIError as error:
        if error.orig is None or error.orig.args[0] != LOCK_WAIT_TIMEOUT:
            raise
        raise MigrationError(
            f"{database} is in use by another program, nothing was changed: stop the development server, "
            "then try again."
        ) from error


def _moved(item: Code, new: Server, database: Server) -> Code:
    """Replace the name of the original database in the SQL with that of the target."""
    statement = item.statement.replace(f"{quote(new.name)}.", f"{quote(database.name)}.")
    return replace(item, statement=statement)


def _drop(connection: Connection, items: list[Code]) -> None:
    for item in items:
        rows(connection, f"DROP {item.kind} IF EXISTS {quote(item.name)}")


def _session(database: Server) -> Connection:
    connection = database.create_engine(isolation_level="AUTOCOMMIT").connect()
    rows(connection, f"SET SESSION lock_wait_timeout = {PATIENCE}")
    return connection


def _drop_database(database: Server) -> None:
    database.drop()
