"""Finds the revision that a database stands at which nobody has stamped."""

import re
from collections.abc import Iterator

from alembic.script import ScriptDirectory

from .. import runtime
from ..backends.base import Database
from ..backends.constraints import without
from ..backends.schema import Definition, Schema, differences, known

LOOKED_AT = 50  # newest revisions
# What the engines call them in a schema; MariaDB keeps some CHECKs behind their column.
ELSEWHERE = re.compile(r"(.*key|.*constraint|index|trigger) |primary key of ")
CHECK = re.compile(r" CHECK \(.*\)$")


def matching(database: Database, script: ScriptDirectory) -> str | None:
    """Return the newest revision but the head whose schema this database has, or None."""
    found = None
    for shadow, revision in _walk(database, script):
        if not differing(database, shadow):
            found = revision
    return found


def _walk(database: Database, script: ScriptDirectory) -> Iterator[tuple[Database, str]]:
    """One throwaway database goes up: no revision runs twice."""
    chain = [step.revision for step in script.walk_revisions()][1 : LOOKED_AT + 1][::-1]
    with database.shadow() as shadow:
        for number, revision in enumerate(chain):
            if number:
                runtime.run(shadow, script, revision, upgrade=True)
            else:
                runtime.build(shadow, script, revision)
            yield shadow, revision


def differing(database: Database, like: Database) -> list[str]:
    """Say how the catalogues differ, but for names, and for views and triggers that no revision makes."""
    with database.connect() as connection, like.connect() as pattern:
        lines = differences(_columns(like.schema(pattern)), _columns(database.schema(connection)))
        had, wants = database.constraints(connection), like.constraints(pattern)
    lines += [f"{part} is left over" for part in without(had, wants)]
    return lines + [f"{part} is missing" for part in without(wants, had)]


def _columns(schema: Schema) -> Schema:
    """Without constraints and indexes, which are compared apart from their names, and without code."""
    found = {}
    for name, definition in schema.items():
        if name.startswith(("table ", "enum ", "sequence ")):
            parts = {
                place: CHECK.sub("", told)
                for place, told in definition.parts().items()
                if not ELSEWHERE.match(place)
            }
            found[name] = Definition(str(parts), known(parts))
    return found
