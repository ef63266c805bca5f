"""Finds out whether a MariaDB or MySQL server can run a statement while others write to the table.

With LOCK=NONE the server refuses what would copy the table or block writers. It knows this better than any
rule of ours. https://mariadb.com/kb/en/innodb-online-ddl-overview/
"""

import re
from collections.abc import Callable
from typing import Any

# Not for RENAME, nor DROP INDEX, which are short and do not take the clause.
ALTER = re.compile(r"\s*ALTER\s+TABLE\s(?!\s*\S+\s+RENAME\s+(?:TO\s+)?\S+\s*$)", re.IGNORECASE)
INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\s", re.IGNORECASE)
# "… is not supported (Reason: …)": https://mariadb.com/kb/en/mariadb-error-code-reference/
NOT_SUPPORTED = {1845, 1846}


def try_without_lock(connection: Any, statement: str, parameters: Any) -> tuple[str, list[str]]:
    """Run the statement with LOCK=NONE; return what is left to run, and why the server refused, if it did."""
    comma = "," if ALTER.match(statement) else ""
    if (not comma and not INDEX.match(statement)) or "LOCK=" in statement.upper():
        return statement, []
    try:
        with connection.connection.dbapi_connection.cursor() as cursor:
            cursor.execute(f"{statement}{comma} LOCK=NONE", parameters)
    except Exception as error:  # noqa: BLE001 - of the driver, whichever it is
        if error.args and error.args[0] in NOT_SUPPORTED:
            return statement, [_parse_reason(str(error.args[1]))]
        return statement, []  # running the statement itself will report the error
    return "DO 0", []


def _parse_reason(message: str) -> str:
    """Shorten "LOCK=NONE is not supported. Reason: Cannot change column type. Try LOCK=SHARED"."""
    match = re.search(r"Reason: (.+?)\. Try", message)
    return match[1] if match else "it would copy the table"


PROBES: dict[str, Callable[[Any, str, Any], tuple[str, list[str]]]] = {
    "mysql": try_without_lock,
    "mariadb": try_without_lock,
}
