"""Describes the constraints and indexes of a database independently of their names.

This makes it possible to compare two databases in which the same constraints have different names or none.
"""

import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SAWarning

from .escaping import LITERAL, change_outside_literals, without_name_quotes
from .schema import schema_names

OPERATOR = re.compile(r"\s*([(),=<>!+*/|-]+)\s*")
REPORTED = ("unique", "referred_table", "referred_columns", "type", "column_sorting")
# Names that a server generates for unnamed constraints.
GENERATED_NAMES = {
    "postgresql": r"{table}_(.+_)?(pkey|key|fkey|check|excl)\d*",
    "mysql": r"{table}_ibfk_\d+|CONSTRAINT_\d+",
    "mariadb": r"{table}_ibfk_\d+|CONSTRAINT_\d+|{table}_ibfk.*",
}


@dataclass(frozen=True)
class ConstraintInfo:
    """One constraint or index.

    `definition` is what the engine reports, without table, columns and name.
    """

    schema: str | None
    table: str
    kind: str  # "primary key", "unique constraint", "foreign key", "check" or "index"
    columns: tuple[str, ...]
    definition: str
    name: str | None

    @property
    def identity(self) -> tuple[Any, ...]:
        return self.schema, self.table, self.kind, self.columns, self.definition

    @property
    def place(self) -> str:
        return f"{self.schema}.{self.table}" if self.schema else self.table

    def __str__(self) -> str:
        return f"the {self.kind} of {self.place} ({', '.join(self.columns) or self.definition})"


@dataclass(frozen=True)
class ConstraintRename:
    part: ConstraintInfo
    new: str

    def __str__(self) -> str:
        return f"{self.part}: {self.part.name or 'without a name'}, to be {self.new}"


def constraint_renames(
    had: Iterable[ConstraintInfo], wants: Iterable[ConstraintInfo]
) -> list[ConstraintRename]:
    """Return the constraints that are equal on both sides except for their names."""
    wanted = _by_identity(wants)
    found = []
    for identity, parts in _by_identity(had).items():
        names = {part.name for part in parts}
        new = sorted({str(part.name) for part in wanted.get(identity, ()) if part.name} - names)
        kept = {part.name for part in wanted.get(identity, ())}
        old = sorted((part for part in parts if part.name not in kept), key=lambda part: str(part.name))
        found += [ConstraintRename(part, name) for part, name in zip(old, new, strict=False)]
    return sorted(found, key=str)


def without(parts: Iterable[ConstraintInfo], others: Iterable[ConstraintInfo]) -> list[ConstraintInfo]:
    """Return the constraints that are not among the others, ignoring their names."""
    known = {part.identity for part in others}
    return [part for part in parts if part.identity not in known]


def _by_identity(parts: Iterable[ConstraintInfo]) -> dict[tuple[Any, ...], list[ConstraintInfo]]:
    found: dict[tuple[Any, ...], list[ConstraintInfo]] = defaultdict(list)
    for part in parts:
        found[part.identity].append(part)
    return found


def read_constraints(
    connection: Connection, ignoring: frozenset[str], *, unique_is_index: bool
) -> list[ConstraintInfo]:
    """Return all constraints and indexes, as SQLAlchemy's inspector reports them.

    `unique_is_index` is true if the engine implements unique constraints as indexes.
    """
    inspector = inspect(connection)
    found: list[ConstraintInfo] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        for schema in schema_names(inspector):
            own = inspector.default_schema_name
            shown = None if schema == own else schema
            kinds = ("primary key", "unique constraint", "foreign key", "check", "index")
            readers = ("pk_constraint", "unique_constraints", "foreign_keys", "check_constraints", "indexes")
            for kind, reader in zip(kinds, readers, strict=True):
                if unique_is_index and kind in {"primary key", "unique constraint"}:
                    continue
                for (_, table), things in getattr(inspector, f"get_multi_{reader}")(schema=schema).items():
                    if table not in ignoring:
                        found += _parts(shown, str(table), kind, things, own)
    return found


def _parts(
    schema: str | None, table: str, kind: str, things: Any, own: str | None
) -> Iterator[ConstraintInfo]:
    for thing in [things] if kind == "primary key" else things:
        if not thing or (kind == "primary key" and not thing["constrained_columns"]):
            continue
        if "duplicates_constraint" in thing:  # PostgreSQL: the index that implements a unique constraint
            continue
        columns = thing.get("constrained_columns") or thing.get("column_names") or ()
        columns = thing.get("expressions") or columns
        options = {key: str(value) for key, value in thing.get("dialect_options", {}).items() if value}
        options |= {key: str(value) for key, value in thing.get("options", {}).items() if value}
        options |= {key: thing[key] for key in REPORTED if thing.get(key)}
        if thing.get("referred_schema") not in {None, own}:
            options["referred_schema"] = thing["referred_schema"]
        definition = (
            normalize_condition(thing["sqltext"]) if kind == "check" else str(sorted(options.items()))
        )
        yield ConstraintInfo(schema, table, kind, tuple(map(str, columns)), definition, thing["name"])


def normalize_condition(condition: str) -> str:
    """Return the condition without quotes around names and without insignificant whitespace."""
    text = change_outside_literals(without_name_quotes(condition), lambda part: OPERATOR.sub(r"\1", part))
    while text.startswith("(") and text.endswith(")") and _encloses(text):
        text = text[1:-1]
    return text


def _encloses(text: str) -> bool:
    """Return whether the last parenthesis closes the first one."""
    text = LITERAL.sub("", text)
    depth = 0
    for place, character in enumerate(text):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if not depth:
            return place == len(text) - 1
    return False


def is_generated_name(dialect: str, table: str, name: str | None) -> bool:
    """Return whether a constraint has no name, or one that the server has generated."""
    pattern = GENERATED_NAMES.get(dialect)
    return name is None or bool(pattern and re.fullmatch(pattern.format(table=re.escape(table)), name))
