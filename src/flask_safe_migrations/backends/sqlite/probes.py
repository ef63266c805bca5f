"""Which views and triggers work: SQLite compiles them only when they are used.

A table that is rebuilt takes them along unchecked: https://sqlite.org/lang_altertable.html#otheralter
"""

import re
import sqlite3
from typing import Any

from sqlalchemy import Connection

from ..probes import Probe, Probes
from .ddl_parser import quote

VIEWS = "SELECT name FROM sqlite_master WHERE type = 'view'"
TRIGGERS = "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'trigger'"
EVENT = re.compile(
    r"""\bTRIGGER\s+(?:IF\s+NOT\s+EXISTS\s+)?(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|[^\s"\[`]+)\s+"""
    r"(?:BEFORE\s+|AFTER\s+|INSTEAD\s+OF\s+)?(INSERT|UPDATE|DELETE)\b",
    re.IGNORECASE,
)
# What the application registers on its own connections.
UNKNOWN_HERE = re.compile(r"no such (function|module|collation)")


def probe_objects(connection: Connection) -> Probes:
    """Compile each view, and the statements that fire each trigger; nothing is executed."""
    driver: Any = connection.connection.dbapi_connection
    views: Probes = {
        Probe(f"view {view}", certain=True): _compile(driver, f"SELECT * FROM {quote(view)}")  # noqa: S608
        for (view,) in driver.execute(VIEWS).fetchall()
    }
    return views | probe_triggers(driver)


def probe_triggers(driver: Any, only: str | None = None) -> Probes:
    """Compile the triggers, or those of one table."""
    found: Probes = {}
    triggers = driver.execute(TRIGGERS).fetchall()
    for name, table, sql in triggers:
        if only not in {None, table}:
            continue
        others = [other for other, owner, _sql in triggers if owner == table and other != name]
        if event := EVENT.search(sql):
            error = _compile_trigger(driver, table, event[1].upper(), others)
            found[Probe(f"trigger {name}", certain=True)] = error
    return found


def _compile_trigger(driver: Any, table: str, event: str, others: list[str]) -> str | None:
    """Compile the statement that fires a trigger, without the other triggers of its table."""
    driver.execute("SAVEPOINT probe")
    try:
        for other in others:
            driver.execute(f"DROP TRIGGER {quote(other)}")
        place = quote(table)
        if event == "INSERT":
            return _compile(driver, f"INSERT INTO {place} DEFAULT VALUES")
        if event == "DELETE":
            return _compile(driver, f"DELETE FROM {place}")  # noqa: S608
        columns = [column[1] for column in driver.execute(f"PRAGMA table_info({place})")]
        changes = ", ".join(f"{quote(column)} = NULL" for column in columns)
        return _compile(driver, f"UPDATE {place} SET {changes}")  # noqa: S608
    except sqlite3.Error as error:  # of a view that is broken
        return str(error)
    finally:
        driver.execute("ROLLBACK TO probe")
        driver.execute("RELEASE probe")


def _compile(driver: Any, statement: str) -> str | None:
    try:
        driver.execute(f"EXPLAIN {statement}")
    except sqlite3.Error as error:
        return None if UNKNOWN_HERE.match(str(error)) else str(error)
    return None
