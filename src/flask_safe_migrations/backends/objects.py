"""What a database has besides tables, with the SQL that makes it."""

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
    # Whether tables need it, so that it has to be there before them.
    early: bool = False


def parts_of(statements: list[str]) -> dict[str, str]:
    """Return those statements that make an index or a constraint, by its name."""
    found = {}
    for sql in statements:
        if match := NAMED.match(sql):
            found[match[1].strip('"').replace('""', '"')] = sql
    return found
