"""Empties, copies and replaces databases on MariaDB and MySQL, where a database cannot be renamed.

One RENAME TABLE exchanges all tables. It is atomic even if the client is killed, and since MariaDB 10.6
even if the server is (https://mariadb.com/kb/en/atomic-ddl/). Objects that it cannot move are on a list
that moves with the tables (stored_objects.py). If a process is killed before it has created them, the next
process does it.
"""

from dataclasses import replace

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError
from ..server import Server
from . import introspection, stored_objects
from .connection import LOCK_TIMEOUT, error_code
from .journal import TABLE as JOURNAL
from .statements import quote, rows, show_create
from .stored_objects import StoredObject

# Views first: a table used by a view can be dropped, but after that the view cannot be dropped as a table.
VIEWS = "SELECT 'VIEW', table_name FROM information_schema.views WHERE table_schema = database()"
TABLES_AND_SEQUENCES = """SELECT if(table_type = 'SEQUENCE', 'SEQUENCE', 'TABLE'), table_name
    FROM information_schema.tables WHERE table_schema = database() AND table_type <> 'VIEW'"""
ROUTINES = (
    "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = database()"
)
EVENTS = "SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = database()"

ROW_TABLES = """SELECT table_name FROM information_schema.tables
WHERE table_schema = database() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"""
# Without generated columns.
INSERTABLE_COLUMNS = """SELECT column_name FROM information_schema.columns
WHERE table_schema = database() AND table_name = %s AND generation_expression IS NULL
AND extra NOT LIKE '%%GENERATED%%' ORDER BY ordinal_position"""
# A key of 0 is kept, and a default or a row that another session setting has allowed is not refused.
COPY_SETTINGS = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0"

MOVABLE_TABLES = (
    "SELECT table_name FROM information_schema.tables "
    "WHERE table_schema = %s AND table_type NOT LIKE '%%VIEW%%'"
)
REFERRING_TABLES = (
    "SELECT DISTINCT concat(table_schema, '.', table_name) FROM information_schema.key_column_usage "
    "WHERE referenced_table_schema = %s AND table_schema NOT IN (%s, %s)"
)
LOCK_WAIT_SECONDS = 10  # for other clients to end their transactions


def clear(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    quote = connection.dialect.identifier_preparer.quote_identifier
    for query in (VIEWS, TABLES_AND_SEQUENCES, ROUTINES, EVENTS):
        for kind, name in connection.execute(text(query)).all():
            connection.exec_driver_sql(f"DROP {kind} {quote(name)}")


def copy(source: Server, target: Server) -> None:
    """Create `target` with the tables, rows, sequences, views and routines of `source`."""
    target.create()
    with _session(source) as here, _session(target) as there:
        rows(there, COPY_SETTINGS)
        created = stored_objects.schema_objects(here)

        def run(*statements: str) -> None:
            for sql in statements:
                rows(there, sql.replace(f"{quote(source.name)}.", f"{quote(target.name)}."))

        run(*(sql for each in created if each.early for sql in each.create))
        for (table,) in rows(here, ROW_TABLES):
            run(show_create(here, "TABLE", table)[1])
            columns = ", ".join(quote(name) for (name,) in rows(here, INSERTABLE_COLUMNS, table))
            origin = f"{quote(source.name)}.{quote(table)}"
            rows(there, f"INSERT INTO {quote(table)} ({columns}) SELECT {columns} FROM {origin}")  # noqa: S608
        run(*introspection.counter_sql(here).values())
        run(*(sql for each in created if not each.early for sql in each.create))


def finish_swap(database: Server) -> None:
    """Finish, under the lock, what a killed process has left undone."""
    with _swap_session(database) as connection:
        if not stored_objects.is_unfinished(connection):
            return
        with database.lock():
            stored_objects.finish(connection)


def swap(database: Server, new: Server, old: Server) -> None:
    """Replace `database` with `new`, under its lock; its tables go to `old`."""
    if not database.exists():  # CREATE DATABASE waits for those who have locked a table in it
        database.create()
    with database.lock():
        old.create()
        _swap_objects(database, new, old)


def _swap_objects(database: Server, new: Server, old: Server) -> None:
    with _swap_session(database) as here:
        stored_objects.finish(here)
        if referring := rows(here, REFERRING_TABLES, database.name, database.name, old.name):
            raise MigrationError(
                f"Table {referring[0][0]} of another database refers to {database.name}, which so cannot be "
                "replaced: drop that foreign key first."
            )
        old_objects = stored_objects.read(here)
        with _swap_session(new) as there:
            stored_objects.finish(there)  # a snapshot may contain such a list
            new_objects = [_for_database(item, new, database) for item in stored_objects.read(there)]
            dropped = [StoredObject(item.kind, item.name) for item in old_objects if item.kind != "TRIGGER"]
            charset = StoredObject("", "", "ALTER DATABASE CHARACTER SET utf8mb4")
            defaults = stored_objects.sequence_defaults(there, new.name, database.name)
            stored_objects.store(there, [charset, *dropped, *defaults, *new_objects])
            _drop(there, [item for item in new_objects if item.kind == "TRIGGER"])
        # A table with triggers cannot move to another database, and a view may have the name of a new
        # table.
        names = {name for (name,) in rows(here, MOVABLE_TABLES, new.name)}
        in_the_way = [item for item in old_objects if item.kind == "TRIGGER" or item.name in names]
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
        for (table,) in rows(connection, MOVABLE_TABLES, source.name):
            if table not in staying:
                name = quote(table)
                moves.append(f"{quote(source.name)}.{name} TO {quote(target.name)}.{name}")
    try:
        rows(connection, f"RENAME TABLE {', '.join(moves)}")
    except DBAPIError as error:
        if error_code(error) != LOCK_TIMEOUT:
            raise
        raise MigrationError(
            f"{database} is in use by another program, nothing was changed: stop the development server, "
            "then try again."
        ) from error


def _for_database(item: StoredObject, new: Server, database: Server) -> StoredObject:
    """Replace the name of the original database in the SQL with that of the target."""
    statement = item.statement.replace(f"{quote(new.name)}.", f"{quote(database.name)}.")
    return replace(item, statement=statement)


def _drop(connection: Connection, items: list[StoredObject]) -> None:
    for item in items:
        rows(connection, f"DROP {item.kind} IF EXISTS {quote(item.name)}")


def _swap_session(database: Server) -> Connection:
    connection = _session(database)
    rows(connection, f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}")
    return connection


def _session(database: Server) -> Connection:
    return database.create_engine(isolation_level="AUTOCOMMIT").connect()
