"""Copies a MariaDB or MySQL database by SQL, so that no client program has to be installed."""

from sqlalchemy import Connection

from ..server import Server
from . import objects
from .stored_objects import quote, rows

TABLES = """SELECT table_name FROM information_schema.tables
WHERE table_schema = database() AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')"""
# The values of generated columns cannot be inserted.
COLUMNS = """SELECT column_name FROM information_schema.columns
WHERE table_schema = database() AND table_name = %s AND generation_expression IS NULL
AND extra NOT LIKE '%%GENERATED%%' ORDER BY ordinal_position"""
# A key of 0 is kept, and a default or a row that another session setting has allowed is not refused.
SETTINGS = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO', foreign_key_checks = 0"


def copy(source: Server, target: Server) -> None:
    """Create `target` with the tables, rows, sequences, views and routines of `source`."""
    target.create()
    with _connect(source) as here, _connect(target) as there:
        rows(there, SETTINGS)
        made = objects.made(here)

        def run(sql: str) -> None:
            rows(there, sql.replace(f"{quote(source.name)}.", f"{quote(target.name)}."))

        for each in made:
            if each.early:
                for sql in each.create:
                    run(sql)
        for (table,) in rows(here, TABLES):
            run(str(rows(here, f"SHOW CREATE TABLE {quote(table)}")[0][1]))
            columns = ", ".join(quote(name) for (name,) in _columns(here, table))
            origin = f"{quote(source.name)}.{quote(table)}"
            rows(there, f"INSERT INTO {quote(table)} ({columns}) SELECT {columns} FROM {origin}")  # noqa: S608
        for sql in objects.counters(here).values():
            run(sql)
        for each in made:
            if not each.early:
                for sql in each.create:
                    run(sql)


def _columns(connection: Connection, table: str) -> list[tuple[str]]:
    return list(connection.exec_driver_sql(COLUMNS, (table,)).fetchall())


def _connect(database: Server) -> Connection:
    return database.create_engine(isolation_level="AUTOCOMMIT").connect()
