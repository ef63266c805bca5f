"""MariaDB and MySQL: what SHOW CREATE TABLE makes of a type or a default."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Table, inspect
from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.types import TypeEngine

from ..normalizer import Normalizer
from .statements import NOW

WIDTH = re.compile(r"\b((?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?)\(\d+\)", re.IGNORECASE)


# What SHOW CREATE TABLE has for these, and for every other character itself.
ESCAPED = re.compile(r"\\(.)")
CHARACTERS = {"0": "\0", "n": "\n", "r": "\r"}


def unescaped(kind: Any) -> Any:
    """Return the type as it is: of an ENUM SQLAlchemy leaves the escapes in that it is reported with."""
    if not isinstance(kind, ENUM) or "\\" not in "".join(kind.enums):
        return kind
    values = [ESCAPED.sub(lambda found: CHARACTERS.get(found[1], found[1]), each) for each in kind.enums]
    return ENUM(*values, charset=kind.charset, collation=kind.collation)


class MariaDBNormalizer(Normalizer):
    indexes_foreign_keys = True

    def normalize_type(self, told: str) -> str:
        """INTEGER(11) is INTEGER: a width to display, which newer servers no longer report."""
        return "TINYINT" if told in {"BOOL", "BOOLEAN"} else WIDTH.sub(r"\1", told)

    def known_type(self, column: str, statements: list[str]) -> TypeEngine[Any] | None:
        """MariaDB has no JSON but text that has to be such: https://mariadb.com/kb/en/json/"""
        is_json = any(f"CHECK (json_valid(`{column}`))" in sql for sql in statements)
        return JSON() if is_json else None

    def normalize_default(self, told: str | None) -> str | None:
        if told and re.fullmatch(rf"\(?{NOW}(\(\))?\)?", told, re.IGNORECASE):
            return "now()"
        return re.sub(r"^'(-?\d+)'$", r"\1", told) if told else told

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """Those that have more than columns: a prefix, an order, another kind."""
        found = inspect(connection).get_indexes(table, schema)
        return {
            str(index["name"]): repr(sorted((key, repr(value)) for key, value in index.items()))
            for index in found
            if index.get("dialect_options") or index.get("column_sorting") or index.get("type")
        }

    def is_plain(self, definition: str) -> bool:
        return False

    @contextmanager
    def temporary_copy(self, connection: Connection, table: Table) -> Iterator[Connection]:
        """On a connection of its own: an index is made with a COMMIT, even that of a temporary table."""
        with connection.engine.connect() as scratch:
            self.make(scratch, self.copied(table))
            yield scratch
