"""Runs a DDL statement in a gap between the application's transactions, if there is one.

While an ALTER waits, it can deadlock with a transaction that has read the table and now writes to it.
MariaDB then ends the transaction with error 1213. Therefore the statement is first tried repeatedly without
waiting: https://mariadb.com/kb/en/wait-and-nowait/ A statement that runs for longer than a second is
started only once in this way, because it may fail at its end.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ... import settings
from .statements import DDL, LOCKED, TOOK_TOO_LONG, code, first_word

LOOKING = 2  # seconds, or MIGRATION_STATEMENT_LOCK_TIMEOUT if that is less
LIMITS = {"lock_wait_timeout": 0, "max_statement_time": 1}  # seconds


def in_a_gap(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Handle SQLAlchemy's event "do_execute".

    Return whether the statement ran. If it did not, it must wait for its lock.
    """
    if first_word(statement) not in DDL or not context.dialect.is_mariadb:  # MySQL waits at least a second
        return False
    ends = time.monotonic() + min(LOOKING, settings.active().statement_lock_timeout or LOOKING)
    with _limits(cursor, context.dialect.loaded_dbapi.Error):
        while time.monotonic() < ends:
            try:
                cursor.execute(statement, parameters)
                return True
            except context.dialect.loaded_dbapi.Error as error:
                if code(error) in TOOK_TOO_LONG:
                    break
                if code(error) != LOCKED:
                    raise
            time.sleep(random.uniform(0.002, 0.03))  # noqa: S311
    return False


@contextmanager
def _limits(cursor: Any, errors: type[Exception]) -> Iterator[None]:
    with cursor.connection.cursor() as own:
        own.execute("SET " + ", ".join(f"@{name} = @@{name}" for name in LIMITS))
        own.execute("SET SESSION " + ", ".join(f"{name} = {limit}" for name, limit in LIMITS.items()))
        try:
            yield
        finally:
            with suppress(errors):  # the connection is lost, and the statement has reported that
                own.execute("SET SESSION " + ", ".join(f"{name} = @{name}" for name in LIMITS))
