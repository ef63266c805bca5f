"""What a revision expects of rows: that there are some with the constants that it names, and types.

`UPDATE child SET parent_id = 7` works where the parent 7 exists, and so does a default of 7 for a new foreign
key. `… = (SELECT id FROM parent WHERE name = 'main')` needs a parent of that name.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, inspect
from sqlalchemy.types import TypeEngine

from ..autogenerate.values import parse_text
from ..backends.escaping import quote_literal, unquote_literal
from ..backends.schema import TableName, qualify

LITERAL = r"('(?:[^']|'')*'|-?\d+(?:\.\d+)?\b)(?!\s*[.(*/%|+-])"
NAME = r"[\"`\[]?\b(\w+)[\"`\]]?"
COMPARED = re.compile(rf"{NAME}\s*(?:=|\bIN\s*\()\s*{LITERAL}", re.IGNORECASE)
VALUE = rf"{NAME}\s[^,\n]*?\bDEFAULT\s+\(?{LITERAL}"
ALTERED = re.compile(rf"\b(?:ADD|ALTER|MODIFY|CHANGE)\s+(?:COLUMN\s+)?{VALUE}", re.IGNORECASE)
DECLARED = re.compile(rf"^\s+{VALUE}", re.IGNORECASE | re.MULTILINE)  # a line of CREATE TABLE
TABLE = rf"(?:[\w\"`\[\]]+\.)?{NAME}"
RENAMED_COLUMN = re.compile(
    rf"\bALTER\s+TABLE\s+{TABLE}\s+(?:RENAME\s+(?:COLUMN\s+)?{NAME}\s+TO|CHANGE\s+(?:COLUMN\s+)?{NAME})\s+{NAME}",
    re.IGNORECASE,
)
RENAMED_TABLE = re.compile(
    rf"\b(?:ALTER\s+TABLE\s+{TABLE}\s+RENAME|RENAME\s+TABLE\s+{TABLE})\s+TO\s+{TABLE}\s*$", re.IGNORECASE
)
PLACEHOLDER = re.compile(r"%\((\w+)\)s|(?<!:):(\w+)|\?|%s")
INSERTED = re.compile(r"\s*INSERT\s.*?\bVALUES\b(.*)", re.IGNORECASE | re.DOTALL)
MAX_ROWS = 20
# Table, its columns, referred table, its columns; both tables with their schema.
Key = tuple[str, tuple[str, ...], str, tuple[str, ...]]


class Expectations:
    """The columns and literals that statements put side by side, and the foreign keys of the revision."""

    def __init__(self) -> None:
        self.found: dict[tuple[frozenset[str], str, str], None] = {}
        self.keys: set[Key] = set()
        # What the revision inserts itself is not there before.
        self.inserted: set[str] = set()
        # The types after the upgrade, by the table and the column as they are named before it.
        self.types: dict[tuple[str, str], TypeEngine[Any]] = {}
        # Table, old name, new name; the column is None where the table itself is renamed.
        self.renames: list[tuple[str, str | None, str]] = []

    def add(self, statement: str, parameters: Any) -> None:
        """Add what one statement names; `parameters` are those of the driver."""
        for each in parameters if isinstance(parameters, list) else [parameters]:
            if match := INSERTED.match(_insert_parameters(statement, each)):
                self.inserted.update(map(_read_value, re.findall(LITERAL, match[1])))
        sql = _insert_parameters(statement, parameters)
        self._add_rename(sql)
        words = frozenset(re.findall(r"\w+", sql.casefold().replace("_alembic_tmp_", "")))
        for pattern in (COMPARED, ALTERED, DECLARED):
            for column, literal in pattern.findall(sql):
                self.found[words, column.casefold(), _read_value(literal)] = None

    def add_schema(self, connection: Connection, tables: Iterable[TableName]) -> None:
        """Add the foreign keys and the types that these tables have now; call it after the upgrade first."""
        inspector = inspect(connection)
        for schema, name in tables:
            table = qualify((schema, name))
            for key in inspector.get_foreign_keys(name, schema):
                columns, referred = tuple(key["constrained_columns"]), tuple(key["referred_columns"])
                parent = qualify((key["referred_schema"], key["referred_table"]))
                self.keys.add((table, columns, parent, referred))
            for column in inspector.get_columns(name, schema):
                before = self._find_name_before(table, column["name"])
                self.types.setdefault(before, column["type"])
        self.renames.clear()  # those of the downgrade lead the other way

    def find_rows(self, tables: list[Table]) -> dict[str, list[dict[str, Any]]]:
        """Return the values that rows of each table need, by column.

        :param tables: sorted by their foreign keys.
        """
        rows: dict[str, list[dict[str, Any]]] = {}
        known = {table.fullname: table for table in tables}
        for table in tables:
            for column, text in self._named(table.fullname):
                _add(rows, table, {column: text})
        pending = [(key, values) for key in sorted(self.keys) for values in self._key_values(key)]
        seen: list[Any] = []
        for key, values in pending:  # the list grows, where a key refers to a key
            _child, columns, parent, referred = key
            needed = {to: values[name] for name, to in zip(columns, referred, strict=True) if name in values}
            if parent not in known or not needed or (parent, needed) in seen:
                continue
            seen.append((parent, needed))
            _add(rows, known[parent], needed)
            pending += [(other, needed) for other in sorted(self.keys) if other[0] == parent]
        return rows

    def _add_rename(self, sql: str) -> None:
        if match := RENAMED_COLUMN.search(sql):
            table, old, new = filter(None, match.groups())
            self.renames.append((table, old, new))
        elif (match := RENAMED_TABLE.search(sql)) and "_alembic_tmp_" not in sql:
            old, new = filter(None, match.groups())
            self.renames.append((old, None, new))

    def _find_name_before(self, table: str, column: str) -> tuple[str, str]:
        """Return the names of table and column before the renames, which are read without a schema."""
        schema, dot, table = table.rpartition(".")
        for renamed, old, new in reversed(self.renames):
            if old is None and new == table:
                table = renamed
            elif old is not None and (renamed, new) == (table, column):
                column = old
        return f"{schema}{dot}{table}", column

    def _named(self, table: str) -> Iterator[tuple[str, str]]:
        words = set(re.findall(r"\w+", table.rpartition(".")[2].casefold()))
        for near, column, text in self.found:
            if words <= near and text not in self.inserted:
                yield column, text

    def _key_values(self, key: Key) -> Iterator[dict[str, str]]:
        table, columns, _parent, _referred = key
        for column, text in self._named(table):
            yield from ({name: text} for name in columns if name.casefold() == column)


def _add(rows: dict[str, list[dict[str, Any]]], table: Table, texts: Mapping[str, str]) -> None:
    """Add a row with these values, if the table has such columns whose types have such values."""
    columns = {column.name.casefold(): column for column in table.columns}
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if (column := columns.get(name.casefold())) is None:
            return
        try:
            values[column.name] = parse_text(text, column.type)
        except ValueError:
            return
    wanted = rows.setdefault(table.fullname, [])
    if values not in wanted and len(wanted) < MAX_ROWS:
        wanted.append(values)


def _insert_parameters(statement: str, parameters: Any) -> str:
    """Return the statement with its parameters as literals, so that one pattern finds both."""
    if not parameters:
        return statement
    first = parameters[0] if isinstance(parameters, list) else parameters
    positional = iter(first if isinstance(first, list | tuple) else ())

    def write(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        value = first.get(name) if isinstance(first, Mapping) and name else next(positional, None)
        if value is None:
            return match[0]
        is_number = isinstance(value, int) and not isinstance(value, bool)
        return str(value) if is_number else quote_literal(str(value))

    return PLACEHOLDER.sub(write, statement)


def _read_value(sql: str) -> str:
    return unquote_literal(sql) if sql.startswith("'") else sql
