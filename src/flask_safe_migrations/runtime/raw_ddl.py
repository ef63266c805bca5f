"""Reads the constraints that raw SQL adds, as the operations of Alembic that add the same.

Only one statement is read, and only forms that leave no doubt: SET NOT NULL, MODIFY … NOT NULL, UNIQUE,
PRIMARY KEY, FOREIGN KEY, CHECK, and CREATE UNIQUE INDEX. All else is left alone.
"""

import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation

from ..backends.escaping import escaped
from ..backends.sqlite.ddl_parser import PIECE, split

NAME = r"(?:\"(?:[^\"]|\"\")+\"|`(?:[^`]|``)+`|\w+)"
TABLE = rf"(?:({NAME})\s*\.\s*)?({NAME})"
ALTER = rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?{TABLE}\s+(.*)"
INDEX = (
    r"CREATE\s+UNIQUE\s+INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?:(?:{NAME}\s*\.\s*)?({NAME})\s+)?(?:USING\s+\w+\s+)?ON\s+(?:ONLY\s+)?{TABLE}(?:\s+USING\s+\w+)?\s*(\(.*)"
)
SET_NOT_NULL = rf"ALTER\s+(?:COLUMN\s+)?({NAME})\s+SET\s+NOT\s+NULL"
MODIFY = rf"(?:MODIFY\s+(?:COLUMN\s+)?({NAME})|CHANGE\s+(?:COLUMN\s+)?({NAME})\s+{NAME})\s+(.*)"
CONSTRAINT = rf"ADD\s+(?:CONSTRAINT\s+({NAME})\s+)?(UNIQUE|PRIMARY\s+KEY|FOREIGN\s+KEY|CHECK)\b(.*)"
UNIQUE = rf"(?:\s+(?:KEY|INDEX)\b)?(?:\s*(?!NULLS\b){NAME})?\s*(NULLS\s+(?:NOT\s+)?DISTINCT)?\s*(\(.*)"
REFERENCES = rf"\s*REFERENCES\s+{TABLE}\s*(\(.*)"
# These neither fill a column nor give it another meaning.
HARMLESS_ACTION = rf"ALTER\s+(?:COLUMN\s+)?{NAME}\s+(?:SET\s+DEFAULT\b.*|DROP\s+DEFAULT|SET\s+STATISTICS\s.*)"
WITH_LENGTH = rf"({NAME})\s*\((\d+)\)"
EXPRESSION = r"\w+\s*\(.*\)|\(.*\)"
ORDER = re.compile(r"\s+(ASC|DESC)?(\s+NULLS\s+(FIRST|LAST))?\s*$", re.IGNORECASE)
TEXT_OR_COMMENT = re.compile(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", re.DOTALL)


def read_operations(sql: str, dialect: sa.Dialect) -> list[MigrateOperation]:
    """Return the operations that correspond to a statement; none if it is not understood."""
    statement = TEXT_OR_COMMENT.sub(lambda found: found[1] or " ", sql).strip().rstrip(";").strip()
    if ";" in TEXT_OR_COMMENT.sub(" ", statement):
        return []
    reader = _Reader(dialect)
    if match := _match(ALTER, statement):
        return reader.read_actions(match[1], match[2], split(match[3]))
    if match := _match(INDEX, statement):
        return list(reader.read_index(*match.groups()))
    return []


def _match(pattern: str, text: str) -> re.Match[str] | None:
    return re.fullmatch(pattern, text, re.IGNORECASE | re.DOTALL)


def _take_group(text: str) -> tuple[str, str]:
    """Return what is in the parentheses with which the text begins, and what follows them."""
    depth = position = 0
    for piece in PIECE.findall(text):
        depth += {"(": 1, ")": -1}.get(piece, 0)
        position += len(piece)
        if not depth:
            break
    return text[1 : position - 1], text[position:].strip()


class _Reader:
    def __init__(self, dialect: sa.Dialect) -> None:
        self.dialect = dialect

    def read_actions(self, schema: str | None, table: str, actions: list[str]) -> list[MigrateOperation]:
        """Read the actions of ALTER TABLE, without those whose columns another action may change."""
        place = (self._name(table), self._name(schema) if schema else None)
        read = [(action, list(self._read_action(place, action))) for action in actions]
        unread = [action for action, found in read if not found and not _match(HARMLESS_ACTION, action)]
        words = set(re.findall(r"\w+", " ".join(unread).casefold()))
        return [
            operation
            for _, found in read
            for operation, columns in found
            if words.isdisjoint(re.findall(r"\w+", " ".join(columns).casefold()))
        ]

    def _read_action(
        self, place: tuple[str, str | None], action: str
    ) -> Iterator[tuple[MigrateOperation, list[str]]]:
        """Yield an operation and the columns that it is about."""
        table, schema = place
        if match := _match(SET_NOT_NULL, action):
            name = self._name(match[1])
            yield ops.AlterColumnOp(table, name, schema=schema, modify_nullable=False), [name]
        elif match := _match(MODIFY, action):
            name = self._name(match[1] or match[2])
            definition = TEXT_OR_COMMENT.sub(" ", match[3])
            is_computed = re.search(r"\bAS\s*\(|\bGENERATED\b", definition, re.IGNORECASE)
            if re.search(r"\bNOT\s+NULL\b", definition, re.IGNORECASE) and not is_computed:
                yield ops.AlterColumnOp(table, name, schema=schema, modify_nullable=False), [name]
        elif match := _match(CONSTRAINT, action):
            constraint = self._name(match[1]) if match[1] else None
            yield from self._read_constraint(place, constraint, match[2].upper().split()[0], match[3])

    def _read_constraint(
        self, place: tuple[str, str | None], name: str | None, kind: str, rest: str
    ) -> Iterator[tuple[MigrateOperation, list[str]]]:
        table, schema = place
        if kind == "UNIQUE":
            if match := _match(UNIQUE, rest):
                inside, options = _take_group(match[2])
                columns, lengths = self._read_columns(inside)
                given = {**self._lengths(lengths), **self._nulls(f"{match[1] or ''} {options}")}
                if columns:
                    yield (
                        ops.CreateUniqueConstraintOp(name, table, columns, schema=schema, **given),
                        [inside],
                    )
            return
        inside, options = _take_group(rest.strip()) if rest.strip().startswith("(") else ("", "")
        if not inside or re.search(r"\bNOT\s+(VALID|ENFORCED)\b", options, re.IGNORECASE):
            return
        if kind == "CHECK":
            condition = ops.CreateCheckConstraintOp(name, table, escaped(inside), schema=schema)
            yield condition, [TEXT_OR_COMMENT.sub(" ", inside)]
        elif kind == "PRIMARY":
            columns, lengths = self._read_columns(inside)
            if columns and not lengths:
                yield ops.CreatePrimaryKeyOp(name, table, columns, schema=schema), [inside]
        elif match := _match(REFERENCES, options):
            remote, more = _take_group(match[3])
            local, referred = self._read_columns(inside)[0], self._read_columns(remote)[0]
            if len(local) == len(referred) and not re.search(r"\bNOT\s+VALID\b", more, re.IGNORECASE):
                full = re.search(r"\bMATCH\s+FULL\b", more, re.IGNORECASE)
                yield (
                    ops.CreateForeignKeyOp(
                        name,
                        table,
                        self._name(match[2]),
                        local,
                        referred,
                        source_schema=schema,
                        referent_schema=self._name(match[1]) if match[1] else None,
                        match="FULL" if full else None,
                    ),
                    [inside],
                )

    def read_index(
        self, name: str | None, schema: str | None, table: str, rest: str
    ) -> Iterator[MigrateOperation]:
        inside, options = _take_group(rest)
        columns, lengths = self._read_columns(inside)
        condition = re.search(r"\bWHERE\b(.*)", options, re.IGNORECASE | re.DOTALL)
        given: dict[str, Any] = {**self._lengths(lengths), **self._nulls(options)}
        if condition:
            given[f"{self.dialect.name}_where"] = escaped(condition[1].strip())
        if columns:
            place = self._name(schema) if schema else None
            index = self._name(name) if name else None
            yield ops.CreateIndexOp(index, self._name(table), columns, schema=place, unique=True, **given)

    def _read_columns(self, text: str) -> tuple[list[Any], dict[str, int]]:
        """Return the columns and expressions of a key, and the lengths; none if one is not understood."""
        columns: list[Any] = []
        lengths = {}
        for written in split(text):
            part = ORDER.sub("", f"{written} ").strip()
            if match := _match(NAME, part):
                columns.append(self._name(part))
            elif match := _match(WITH_LENGTH, part):
                columns.append(self._name(match[1]))
                lengths[columns[-1]] = int(match[2])
            elif _match(EXPRESSION, part):
                columns.append(sa.literal_column(part))
            else:  # such as a collation or an operator class, which decide what is equal
                return [], {}
        return columns, lengths

    def _lengths(self, lengths: dict[str, int]) -> dict[str, Any]:
        return {f"{self.dialect.name}_length": lengths} if lengths else {}

    def _nulls(self, options: str) -> dict[str, Any]:
        found = re.search(r"\bNULLS\s+NOT\s+DISTINCT\b", options, re.IGNORECASE)
        return {"postgresql_nulls_not_distinct": True} if found else {}

    def _name(self, written: str) -> str:
        if written[0] in '"`':
            return written[1:-1].replace(written[0] * 2, written[0])
        return written.lower() if self.dialect.name == "postgresql" else written
