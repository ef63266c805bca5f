"""Determines whether an interrupted statement has run, by comparing the objects that it names.

The lock guarantees that no other statement has changed them. https://mariadb.com/kb/en/show-create-table/
"""

import hashlib
import re
from collections.abc import Callable
from typing import Any

from ...errors import MigrationError
from .journal import Row
from .statements import first_word
from .stored_objects import quote

NAME = re.compile(r"`((?:[^`]|``)+)`|([\w$]+)")
# For each kind: where it is listed, and under which name. Views and sequences are listed as tables.
LISTS = {
    "TABLE": ("tables", "table"),
    "TRIGGER": ("triggers", "trigger"),
    "PROCEDURE": ("routines", "routine"),
    "FUNCTION": ("routines", "routine"),
    "EVENT": ("events", "event"),
}
# The next number changes with every row that the application inserts.
COUNTER = re.compile(r" AUTO_INCREMENT=\d+")
DROP = re.compile(r"\b(DROP\s+(?:TABLE|VIEW|SEQUENCE))\s+(?!IF\b)", re.IGNORECASE)
EXCHANGE = re.compile(r"\bEXCHANGE\s+PARTITION\b", re.IGNORECASE)
RENAME = re.compile(r"\bRENAME\s+TABLE\b(.*)", re.IGNORECASE | re.DOTALL)
RENAMED = re.compile(r"([\w$.]+)\s+TO\s+([\w$.]+)", re.IGNORECASE)


class Catalogue:
    def __init__(self, run: Callable[..., Any], version: str) -> None:
        self.run = run
        self.version = version

    def describe(self, statement: str) -> str:
        """Return a digest of the definitions of all existing objects that the statement names."""
        names = sorted({quoted.replace("``", "`") or plain for quoted, plain in NAME.findall(statement)})
        definitions = []
        for kind in LISTS.keys() & {"TABLE", *map(str.upper, names)}:
            for place in self._find(kind, names):
                shown = self.run(f"SHOW CREATE {kind} {'.'.join(map(quote, place))}").fetchall()
                definitions.append(COUNTER.sub("", repr((kind, place, shown))))
        return hashlib.sha256(repr(sorted(definitions)).encode()).hexdigest()

    def _find(self, kind: str, names: list[str]) -> list[tuple[str, str]]:
        listed, prefix = LISTS[kind]
        schema, name = f"{prefix}_schema", f"{prefix}_name"
        query = (
            f"SELECT {schema}, {name} FROM information_schema.{listed} "  # noqa: S608
            f"WHERE ({schema} = database() OR {schema} IN %s) AND {name} IN %s"
        )
        if listed == "routines":
            query += f" AND routine_type = '{kind}'"
        return list(self.run(query, [names, names]).fetchall())

    def left_to_run(self, step: str, row: Row) -> str | None:
        """Return what is left of the interrupted statement: all of it, a part, or None.

        Raises MigrationError if that cannot be determined: after a swap, two tables with the same
        definition look the same, and a server of another version reports definitions differently.
        """
        statement = row.statement
        unchanged = self.describe(statement) == row.before_it
        if row.version != self.version or (unchanged and swaps(statement)):
            raise MigrationError(
                f"{step} was stopped in the middle of a statement, and the server cannot tell whether that "
                f"ran: {' '.join(statement.split())}. Look for yourself; in table migration_journal, in the "
                "row with done = 0, set 1 if it ran, or delete the row if not; then `flask db upgrade`."
            )
        if unchanged:
            return statement
        if first_word(statement) == "DROP" and DROP.search(statement):
            return DROP.sub(r"\1 IF EXISTS ", statement, count=1)  # some of several may be left
        return None


def swaps(statement: str) -> bool:
    """Return whether the statement exchanges tables, so that the same names exist afterwards."""
    if EXCHANGE.search(statement):
        return True
    if not (renames := RENAME.match(statement.strip())):
        return False
    held: dict[str, str] = {}
    for old, new in RENAMED.findall(renames[1].replace("`", "")):
        held[new] = held.pop(old, old)
    return set(held) == set(held.values())
