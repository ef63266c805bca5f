"""Puts a new database in the place of the old one on MariaDB and MySQL, where no database can be renamed.

All tables change places in one RENAME TABLE: it is done whole or not at all, whichever client is killed
meanwhile, and from MariaDB 10.6 on even where it is the server (https://mariadb.com/kb/en/atomic-ddl/).
What it cannot take along is on a list that is moved with the tables (stored_objects.py): whoever comes next
makes what a process that was killed has not made.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError
from .. import server_shadow
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
USERS = "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> connection_id()"
PATIENCE = 10  # seconds that others have to end their transactions
LOCK_WAIT_TIMEOUT = 1205  # https://mariadb.com/kb/en/mariadb-error-code-reference/


def rebuild(database: Server, fill: Callable[..., None]) -> None:
    """Fill a new database, then put it in the place of this one; until then this one is not touched.

    What is in `_building_…` or `_replaced_…` is never the only copy: whoever gets its lock may drop it.
    """
    with database.rebuild_lock() as connection:
        new, old = server_shadow.claim(database, connection, "building", "replaced", drop=_sweep)
        new.create()
        try:
            fill(new)
            database.create()
            with database.lock():
                old.create()
                _swap(database, new, old)
        finally:
            _sweep(new)
            _sweep(old)


def heal(database: Server) -> None:
    """Finish what a process that was killed has left to be done, under the lock."""
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
            stored_objects.finish(there)  # a snapshot may hold such a list
            new_code = [_moved(item, new, database) for item in stored_objects.read(there)]
            dropped = [Code(item.kind, item.name) for item in old_code if item.kind != "TRIGGER"]
            charset = Code("", "", "ALTER DATABASE CHARACTER SET utf8mb4")
            defaults = stored_objects.defaults(there, new.name, database.name)
            stored_objects.store(there, [charset, *dropped, *defaults, *new_code])
            _drop(there, [item for item in new_code if item.kind == "TRIGGER"])
        # A table with triggers cannot go to another database, and a view may have the name of a new table.
        names = {name for (name,) in rows(here, TABLES, new.name)}
        in_the_way = [item for item in old_code if item.kind == "TRIGGER" or item.name in names]
        if in_the_way:
            stored_objects.store(here, in_the_way)
            _drop(here, in_the_way)
        try:
            _rename(here, database, new, old)
        finally:  # the list of the new database; or that of the old one, where it has to stay
            stored_objects.finish(here)


def _rename(connection: Connection, database: Server, new: Server, old: Server) -> None:
    # The tables of a lock are held by somebody, by this process for one: they stay where they are.
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
    """Where the SQL names the database it was made in, it names the one it goes to."""
    statement = item.statement.replace(f"{quote(new.name)}.", f"{quote(database.name)}.")
    return replace(item, statement=statement)


def _drop(connection: Connection, items: list[Code]) -> None:
    for item in items:
        rows(connection, f"DROP {item.kind} IF EXISTS {quote(item.name)}")


def _session(database: Server) -> Connection:
    connection = database.create_engine(isolation_level="AUTOCOMMIT").connect()
    rows(connection, f"SET SESSION lock_wait_timeout = {PATIENCE}")
    return connection


def _sweep(database: Server) -> None:
    """Drop a database together with those who still write into it, such as the child of a killed process."""
    with database.connect_to_maintenance() as connection:
        for (user,) in rows(connection, USERS, database.name):
            with suppress(DBAPIError):  # it is gone already
                rows(connection, f"KILL {user}")
    database.drop()
