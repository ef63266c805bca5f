"""Statements and error codes of MariaDB and MySQL that the journal and the locks need."""

import re
from typing import Any

WORD = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(\w*)", re.DOTALL)
# Statements that end the transaction: https://mariadb.com/kb/en/sql-statements-that-cause-an-implicit-commit/
DDL = {"ALTER", "CREATE", "DROP", "RENAME", "TRUNCATE"}
DML = {"DELETE", "INSERT", "REPLACE", "UPDATE"}
# Error codes: https://mariadb.com/kb/en/mariadb-error-code-reference/
# A lock timeout, and a deadlock, which on a cluster may involve another node.
LOCKED = 1205
GAVE_WAY = {LOCKED, 1213}
# The errors of max_statement_time: one reports the limit, the other an interruption.
TOOK_TOO_LONG = {1969, 1317}
NO_TABLE = 1146
NOT_IN_CLUSTER = 1047
# Temporary errors. Besides those above: a key that another node has inserted, a commit or statement that
# lost against another node's, and a node that does not answer or closes the connection.
AGAIN = GAVE_WAY | {NOT_IN_CLUSTER, 1062, 1180, 1317, 2002, 2003, 2006, 2013}

NOW = "(now|current_timestamp|localtime|localtimestamp)"


def first_word(statement: str) -> str:
    return WORD.match(statement)[1].upper()  # type: ignore[index]


def code(error: Any) -> int | None:
    """Return the error number of a driver error, also if SQLAlchemy has wrapped it."""
    arguments = getattr(getattr(error, "orig", error), "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None
