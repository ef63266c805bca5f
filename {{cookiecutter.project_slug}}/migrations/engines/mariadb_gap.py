"""How a statement comes to its table: in a gap between the application's transactions, if there is one.

While an ALTER waits, a transaction that has read the table and now writes to it waits for the ALTER, and
the ALTER for the transaction; MariaDB ends the transaction with error 1213. So at first the statement is
tried again and again, and does not wait: https://mariadb.com/kb/en/wait-and-nowait/
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .mariadb_statements import DDL, LOCKED, code, first_word

# Seconds in which a gap is looked for, and those after which a try was too dear to be made again.
LOOKING = 2
DEAR = 1


def in_a_gap(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """SQLAlchemy's event "do_execute": return whether it ran; where it did not, it has to queue."""
    if first_word(statement) not in DDL:
        return False
    ends = time.monotonic() + LOOKING
    with _without_waiting(cursor, context.dialect.loaded_dbapi.Error):
        while (began := time.monotonic()) < ends:
            try:
                cursor.execute(statement, parameters)
                return True
            except context.dialect.loaded_dbapi.Error as error:
                if code(error) != LOCKED:
                    raise
            if time.monotonic() - began > DEAR:
                break
            time.sleep(random.uniform(0.002, 0.03))  # noqa: S311
    return False


@contextmanager
def _without_waiting(cursor: Any, errors: type[Exception]) -> Iterator[None]:
    with cursor.connection.cursor() as own:
        own.execute("SET @lock_wait_timeout = @@lock_wait_timeout, SESSION lock_wait_timeout = 0")
        try:
            yield
        finally:
            with suppress(errors):  # the connection is gone, as the statement has said by then
                own.execute("SET SESSION lock_wait_timeout = @lock_wait_timeout")
