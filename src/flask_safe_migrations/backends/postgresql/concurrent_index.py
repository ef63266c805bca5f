"""Repeats a CREATE INDEX CONCURRENTLY that failed or was killed, because no transaction rolls it back.

An invalid index is not used, slows down every write, and makes the next attempt fail with "already exists".
With IF NOT EXISTS, the next attempt would even accept it as the index. An index that was finished just
before the process was killed is valid and is kept.
https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection, event, text
from sqlalchemy.exc import DBAPIError

from ... import output
from ..locking import poll_until

NAME = r'(?:"(?:[^"]|"")+"|\w+)'
CREATE = re.compile(
    rf"\s*CREATE\s+(?P<unique>UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?P<lenient>IF\s+NOT\s+EXISTS\s+)?"
    rf"(?P<index>{NAME})\s+ON\s+(?:ONLY\s+)?(?P<table>{NAME}(?:\s*\.\s*{NAME})?)",
    re.IGNORECASE,
)
# In CREATE INDEX, the index name has no schema. The index is in the schema of its table.
FOUND = text(
    "SELECT i.indexrelid::regclass::text AS name, i.indisvalid AS valid, "
    "pg_get_indexdef(i.indexrelid) AS sql FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE i.indrelid = to_regclass(:table) AND c.relname = (parse_ident(:index))[1]"
)
# An index is also invalid while another session is still building it.
BUILDER = text(
    "SELECT p.pid FROM pg_stat_progress_create_index p JOIN pg_locks l ON l.pid = p.pid "
    "WHERE l.relation = to_regclass(:table) AND l.mode = 'ShareUpdateExclusiveLock' AND l.granted "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)
# Since PostgreSQL 14: the server process of a lost client ends within a second, not when the index is done.
NOTICE_KILLS = "SELECT set_config('client_connection_check_interval', '1s', false)"


@contextmanager
def resume_failed_builds(connection: Connection) -> Iterator[None]:
    """Watch the statements on `connection`; the listener is removed at the end."""

    def before(_: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> tuple[str, Any]:
        create = CREATE.match(statement)
        if create and _already_exists(connection, create):
            return "SELECT 1", ()
        return statement, parameters

    event.listen(connection, "before_cursor_execute", before, retval=True)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before)


def _already_exists(connection: Connection, create: re.Match[str]) -> bool:
    """Return whether this index exists exactly as the statement would create it.

    An invalid index is dropped.
    """
    driver: Any = connection.connection.dbapi_connection
    if not driver.autocommit:
        return False  # the server reports that this is not allowed in a transaction
    with suppress(DBAPIError):
        connection.exec_driver_sql(NOTICE_KILLS)
    place = {"table": create["table"], "index": create["index"]}

    def builder() -> str | None:
        pid = connection.scalar(BUILDER, place)
        return f"server process {pid}, which makes an index of {create['table']}" if pid else None

    poll_until(lambda: builder() is None, builder, f"index {create['index']}")
    found = connection.execute(FOUND, place).first()
    if found is None:
        return False
    if not found.valid:
        connection.exec_driver_sql(f"DROP INDEX CONCURRENTLY {found.name}")
        output.notice(f"Dropped index {found.name}: an attempt that failed had left it invalid.")
        return False
    if create["lenient"] or _shape(found.sql) != _shape(_reported_sql(connection, create)):
        return False
    output.notice(f"Index {found.name} is there already, made by an attempt that was interrupted.")
    return True


def _reported_sql(connection: Connection, create: re.Match[str]) -> str:
    """Create the index on an empty copy of the table, and return how the server reports it."""
    probe = {"table": "pg_temp.migration_probe", "index": create["index"]}
    connection.exec_driver_sql(f"CREATE TEMP TABLE migration_probe (LIKE {create['table']})")
    try:
        head = f"CREATE {create['unique'] or ''}INDEX {create['index']} ON {probe['table']}"
        connection.exec_driver_sql(head + create.string[create.end("table") :])
        return str(connection.execute(FOUND, probe).one().sql)
    finally:
        connection.exec_driver_sql("DROP TABLE pg_temp.migration_probe")


def _shape(sql: str) -> str:
    return re.sub(rf" ON (ONLY )?{NAME}(\.{NAME})? USING ", " USING ", sql)
