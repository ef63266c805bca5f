"""Database objects other than tables, with the SQL that creates them."""

import re
from dataclasses import dataclass

NAMED = re.compile(r'(?:CREATE (?:UNIQUE )?INDEX|ALTER TABLE \S+ ADD CONSTRAINT) ("(?:[^"]|"")+"|\w+)')


@dataclass(frozen=True)
class SchemaObject:
    """A view, trigger, function, extension or the like."""

    kind: str
    name: str
    create: tuple[str, ...]
    drop: str
    # Whether tables depend on it, so that it must be created before them.
    early: bool = False


def parts_of(statements: list[str]) -> dict[str, str]:
    """Return the statements that create an index or a constraint, by its name."""
    found = {}
    for sql in statements:
        if match := NAMED.match(sql):
            found[match[1].strip('"').replace('""', '"')] = sql
    return found
