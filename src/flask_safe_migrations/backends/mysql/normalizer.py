"""MariaDB and MySQL: how SHOW CREATE TABLE reports types and defaults."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, Connection, Table, inspect
from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.types import TypeEngine

from ..normalizer import Normalizer

NOW = "(now|current_timestamp|localtime|localtimestamp)"
WIDTH = re.compile(r"\b((?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?)\(\d+\)", re.IGNORECASE)
# How SHOW CREATE TABLE escapes these characters. Any other escaped character stands for itself.
ESCAPED = re.compile(r"\\(.)")
CHARACTERS = {"0": "\0", "n": "\n", "r": "\r"}


def unescaped(kind: Any) -> Any:
    """Return the type without escapes: SQLAlchemy keeps them in the values of a reflected ENUM."""
    if not isinstance(kind, ENUM) or "\\" not in "".join(kind.enums):
        return kind
    values = [ESCAPED.sub(lambda found: CHARACTERS.get(found[1], found[1]), each) for each in kind.enums]
    return ENUM(*values, charset=kind.charset, collation=kind.collation)


class MariaDBNormalizer(Normalizer):
    indexes_foreign_keys = True

    def normalize_type(self, definition: str) -> str:
        """Remove the display width: INTEGER(11) equals INTEGER, and newer servers do not report the width."""
        return "TINYINT" if definition in {"BOOL", "BOOLEAN"} else WIDTH.sub(r"\1", definition)

    def known_type(self, column: str, statements: list[str]) -> TypeEngine[Any] | None:
        """Recognize JSON, which MariaDB implements as text with a CHECK: https://mariadb.com/kb/en/json/"""
        is_json = any(f"CHECK (json_valid(`{column}`))" in sql for sql in statements)
        return JSON() if is_json else None

    def needs_no_foreign_key(self, old: TypeEngine[Any] | None, new: TypeEngine[Any]) -> bool:
        return True

    def normalize_default(self, default: str | None) -> str | None:
        if default and re.fullmatch(rf"\(?{NOW}(\(\))?\)?", default, re.IGNORECASE):
            return "now()"
        return re.sub(r"^'(-?\d+)'$", r"\1", default) if default else default

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """Return the indexes that have more than columns: a prefix, an order or a special type."""
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
        """Use a separate connection: creating an index commits, even on a temporary table."""
        with connection.engine.connect() as scratch:
            self.make(scratch, self.copied(table))
            yield scratch
