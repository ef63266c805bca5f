"""What MariaDB and MySQL say and understand, as far as the journal and the locks have to know."""

import re
from typing import Any

WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w*)", re.DOTALL)
# Statements that end the transaction: https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
DDL = {"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"}
DML = {"DELETE", "INSERT", "REPLACE", "UPDATE"}
# Errors: https://mariadb.com/kb/en/mariadb-error-code-reference/
# A lock that was not to be had in time, and a deadlock, which on a cluster may be with another node.
LOCKED = 1205
GAVE_WAY = {LOCKED, 1213}
# By max_statement_time: one says so, the other that it was interrupted.
TOOK_TOO_LONG = {1969, 1317}
NO_TABLE = 1146
NOT_IN_CLUSTER = 1047
# What may pass: besides the above a key that another node has inserted, a commit or a statement that gave way
# to another node's, a node that does not answer or hangs up.
AGAIN = GAVE_WAY | {NOT_IN_CLUSTER, 1062, 1180, 1317, 2002, 2003, 2006, 2013}

NOW = "(now|current_timestamp|localtime|localtimestamp)"


def first_word(statement: str) -> str:
    return WORD.match(statement)[1].upper()  # type: ignore[index]


def code(error: Any) -> int | None:
    """The number of an error of the driver, or of SQLAlchemy's around one."""
    arguments = getattr(getattr(error, "orig", error), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
