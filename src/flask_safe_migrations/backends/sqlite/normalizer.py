"""SQLite stores definitions exactly as written. What it does not report is in sqlite_master."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Index, Table, create_engine, text
from sqlalchemy.pool import StaticPool

from ... import _compat
from ..escaping import escaped
from ..normalizer import Normalizer
from .ddl_parser import split

INDEX = re.compile(
    r'CREATE (UNIQUE )?INDEX (\S+|"[^"]+") ON (?:"[^"]+"|[^\s(]+) ?\((.*)\)(?: WHERE (.*))?', re.DOTALL
)
SORTED = re.compile(r"[( ]|\b(DESC|ASC|COLLATE)\b", re.IGNORECASE)


class SQLiteNormalizer(Normalizer):
    def column_advice(self, column: Column[Any]) -> str | None:
        if column.primary_key and isinstance(column.type, BigInteger) and column.autoincrement != False:  # noqa: E712
            return (
                "a BigInteger primary key does not count up on SQLite; "
                'BigInteger().with_variant(Integer, "sqlite") does'
            )
        return None

    def normalize_default(self, default: str | None) -> str | None:
        """Remove the parentheses of an expression: they are required in the SQL but not reported."""
        return default[1:-1] if default and default.startswith("(") and default.endswith(")") else default

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = :table AND sql <> ''"
        rows = connection.execute(text(query), {"table": table})
        return {name: " ".join(sql.replace('"', "").split()) for name, sql in rows}

    def is_plain(self, definition: str) -> bool:
        found = INDEX.fullmatch(definition)
        return bool(found and not found[4] and not any(map(SORTED.search, split(found[3]))))

    def index_of(self, name: str, definition: str, table: Table) -> Index | None:
        found = INDEX.fullmatch(definition)
        if not found:
            return None
        parts = [table.c[part] if part in table.c else text(escaped(part)) for part in split(found[3])]
        where = text(escaped(found[4])) if found[4] else None
        return Index(name, *parts, unique=bool(found[1]), sqlite_where=where, _table=table)

    @contextmanager
    def temporary_copy(self, connection: Connection, table: Table) -> Iterator[Connection]:
        """Create the copy in memory, not in the file."""
        engine = create_engine("sqlite://", poolclass=StaticPool)
        with engine.connect() as scratch:
            copy = self.copied(table)
            _compat.set_prefixes(copy)  # temporary tables are not in sqlite_master
            self.make(scratch, copy)
            yield scratch
        engine.dispose()
