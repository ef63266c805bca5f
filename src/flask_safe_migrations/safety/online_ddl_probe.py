"""Asks a server of the MariaDB family whether it can do a statement while others write to the table.

LOCK=NONE makes it refuse what would copy the table or keep writers out: the judgement of the server that will
do it, which knows more than any rule. https://mariadb.com/kb/en/innodb-online-ddl-overview/
"""

import re
from collections.abc import Callable
from typing import Any

# Not for RENAME, nor DROP INDEX, which are short and do not take the clause.
ALTER = re.compile(r"\s*ALTER\s+TABLE\s(?!\s*\S+\s+RENAME\s+(?:TO\s+)?\S+\s*$)", re.IGNORECASE)
INDEX = re.compile(r"\s*CREATE\s+(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX\s", re.IGNORECASE)
# "… is not supported (Reason: …)": https://mariadb.com/kb/en/mariadb-error-code-reference/
REFUSED = {1845, 1846}


def without_lock(connection: Any, statement: str, parameters: Any) -> tuple[str, list[str]]:
    """Run the statement with LOCK=NONE; return what is left to run, and what the server has against it."""
    comma = "," if ALTER.match(statement) else ""
    if (not comma and not INDEX.match(statement)) or "LOCK=" in statement.upper():
        return statement, []
    try:
        with connection.connection.dbapi_connection.cursor() as cursor:
            cursor.execute(f"{statement}{comma} LOCK=NONE", parameters)
    except Exception as error:  # noqa: BLE001 - of the driver, whichever it is
        if error.args and error.args[0] in REFUSED:
            return statement, [_reason(str(error.args[1]))]
        return statement, []  # the statement itself will say what is wrong
    return "DO 0", []


def _reason(said: str) -> str:
    """Shorten "LOCK=NONE is not supported. Reason: Cannot change column type. Try LOCK=SHARED"."""
    match = re.search(r"Reason: (.+?)\. Try", said)
    return match[1] if match else "it would copy the table"


TRIALS: dict[str, Callable[[Any, str, Any], tuple[str, list[str]]]] = {
    "mysql": without_lock,
    "mariadb": without_lock,
}
