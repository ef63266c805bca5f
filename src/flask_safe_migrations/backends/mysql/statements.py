"""Statements on MariaDB and MySQL: to recognize them, and to run them without disturbing other clients.

While an ALTER waits, it can deadlock with a transaction that has read the table and now writes to it.
MariaDB then ends the transaction with error 1213. Therefore the statement is first tried repeatedly without
waiting: https://mariadb.com/kb/en/wait-and-nowait/ A statement that runs for longer than a second is
started only once in this way, because it may fail at its end.
"""

import math
import random
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from sqlalchemy import Connection

from ... import settings
from .connection import LOCK_TIMEOUT, TIME_LIMIT_ERRORS, error_code

SPACE = r"(?:\s|--[^\n]*\n|/\*.*?\*/)"
# SET STATEMENT sets a variable for the statement after FOR: https://mariadb.com/kb/en/set-statement/
WORD = re.compile(rf"{SPACE}*(?:SET{SPACE}+STATEMENT\b.*?\bFOR{SPACE}+)?(\w*)", re.DOTALL | re.IGNORECASE)
# Statements that end the transaction: https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
DDL = {"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"}
# Statements that change rows, or may do so in code or in SQL that they contain.
CODE = {"BEGIN", "CALL", "EXECUTE"}
DML = {"DELETE", "INSERT", "LOAD", "REPLACE", "UPDATE"} | CODE
QUERIES = {"DESC", "DESCRIBE", "SELECT", "SHOW", "VALUES", "WITH"}
# In SHOW CREATE TABLE: the next number, which changes with every row that the application inserts.
COUNTER = re.compile(r" AUTO_INCREMENT=(\d+)")

# https://mariadb.com/kb/en/sql-mode/: how a literal is written stays as it is.
WITHOUT_ANSI_QUOTES = (
    "SET STATEMENT sql_mode = "
    "if(find_in_set('NO_BACKSLASH_ESCAPES', @@sql_mode), 'NO_BACKSLASH_ESCAPES', '') FOR "
)

NOWAIT_SECONDS = 2  # or MIGRATION_STATEMENT_LOCK_TIMEOUT if that is less
NOWAIT_LIMITS = {"lock_wait_timeout": 0, "max_statement_time": 1}  # seconds


def first_word(statement: str) -> str:
    return WORD.match(statement)[1].upper()  # type: ignore[index]


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def rows(connection: Connection, sql: str, *values: Any) -> list[Any]:
    """Run a statement without interpolation: a % in a view is not a placeholder."""
    result = connection.exec_driver_sql(sql, values, execution_options={"no_parameters": True})
    return list(result.fetchall()) if result.returns_rows else []


def show_create(connection: Connection, kind: str, name: str, schema: str | None = None) -> Any:
    """Return the row of SHOW CREATE: the name, and for tables and sequences the SQL.

    Names are in backquotes, also where the session has ANSI_QUOTES.
    """
    path = ".".join(map(quote, filter(None, (schema, name))))
    quotes = WITHOUT_ANSI_QUOTES if connection.dialect.is_mariadb else ""  # type: ignore[attr-defined]
    (row,) = rows(connection, f"{quotes}SHOW CREATE {kind} {path}")
    return row


def execute_nowait(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Run a DDL statement in a gap between other transactions: a handler of SQLAlchemy's "do_execute".

    Return whether the statement ran. If it did not, it must wait for its lock.
    """
    if first_word(statement) not in DDL or not context.dialect.is_mariadb:  # MySQL waits at least a second
        return False
    ends = time.monotonic() + min(NOWAIT_SECONDS, settings.active().statement_lock_timeout or NOWAIT_SECONDS)
    with _limits(cursor, context.dialect.loaded_dbapi.Error):
        while time.monotonic() < ends:
            try:
                cursor.execute(statement, parameters)
                return True
            except context.dialect.loaded_dbapi.Error as error:
                if error_code(error) in TIME_LIMIT_ERRORS:
                    break
                if error_code(error) != LOCK_TIMEOUT:
                    raise
            time.sleep(random.uniform(0.002, 0.03))  # noqa: S311
    return False


@contextmanager
def _limits(cursor: Any, errors: type[Exception]) -> Iterator[None]:
    with cursor.connection.cursor() as own:
        own.execute("SET " + ", ".join(f"@{name} = @@{name}" for name in NOWAIT_LIMITS))
        own.execute("SET SESSION " + ", ".join(f"{name} = {n}" for name, n in NOWAIT_LIMITS.items()))
        try:
            yield
        finally:
            with suppress(errors):  # the connection is lost, and the statement has reported that
                own.execute("SET SESSION " + ", ".join(f"{name} = @{name}" for name in NOWAIT_LIMITS))


@contextmanager
def limit_time(connection: Connection, seconds: float) -> Iterator[None]:
    """Limit each statement of the session: https://mariadb.com/kb/en/aborting-statements/

    It is set past SQLAlchemy, so that no listener takes it for a statement of the revision.
    """
    name, limit = "max_statement_time", seconds
    if not connection.dialect.is_mariadb:  # type: ignore[attr-defined]
        name, limit = "max_execution_time", math.ceil(seconds * 1000)
    driver: Any = connection.connection.dbapi_connection
    with driver.cursor() as cursor:
        cursor.execute(f"SELECT @@{name}")
        before = cursor.fetchone()[0]
        cursor.execute(f"SET SESSION {name} = {limit}")
        try:
            yield
        finally:
            with suppress(connection.dialect.loaded_dbapi.Error):  # the connection is lost: see above
                cursor.execute(f"SET SESSION {name} = {before}")
