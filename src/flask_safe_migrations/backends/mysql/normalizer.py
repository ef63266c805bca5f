"""MariaDB and MySQL: how SHOW CREATE TABLE reports types and defaults."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Connection, Index, Table, inspect, text
from sqlalchemy.dialects.mysql import ENUM
from sqlalchemy.types import TypeEngine

from ..escaping import escaped
from ..normalizer import Normalizer
from .statements import show_create

NOW = "(now|current_timestamp|localtime|localtimestamp)"
WIDTH = re.compile(r"\b((?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER)?)\(\d+\)", re.IGNORECASE)
# How SHOW CREATE TABLE escapes these characters. Any other escaped character stands for itself.
ESCAPED = re.compile(r"\\(.)")
CHARACTERS = {"0": "\0", "n": "\n", "r": "\r"}

KEY_COLUMN = re.compile(r"`((?:[^`]|``)+)`(?:\((\d+)\))?( DESC)?")
# A line of SHOW CREATE TABLE about an index that has a column in descending order.
DESCENDING = re.compile(r"  (UNIQUE |)KEY `((?:[^`]|``)+)` \((.*`(?:\(\d+\))? DESC.*)\)")


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
        reflected = {
            str(index["name"]): repr(sorted((key, repr(value)) for key, value in index.items()))
            for index in found
            if index.get("dialect_options") or index.get("type")
        }
        # SQLAlchemy does not reflect the order.
        create = show_create(connection, "TABLE", table, schema)[1]
        ordered = (match for line in create.splitlines() if (match := DESCENDING.match(line)))
        return reflected | {match[2].replace("``", "`"): match[0].strip() for match in ordered}

    def is_plain(self, definition: str) -> bool:
        return False

    def index_of(self, name: str, definition: str, table: Table) -> Index | None:
        """Return an index with its order: https://mariadb.com/kb/en/create-index/"""
        if not (match := DESCENDING.match(f"  {definition}")):
            return None
        parts: list[Any] = []
        lengths: dict[str, int] = {}
        for quoted, length, order in KEY_COLUMN.findall(match[3]):
            column = table.c[quoted.replace("``", "`")]
            if length and order:  # SQLAlchemy writes a length only after a plain column
                parts.append(text(escaped(f"`{quoted}`({length}) DESC")))
            else:
                parts.append(column.desc() if order else column)
                lengths |= {column.name: int(length)} if length else {}
        options: dict[str, Any] = {"mysql_length": lengths} if lengths else {}
        return Index(name, *parts, unique=bool(match[1]), _table=table, **options)

    @contextmanager
    def temporary_copy(self, connection: Connection, table: Table) -> Iterator[Connection]:
        """Use a separate connection: creating an index commits, even on a temporary table."""
        copy = self.copied(table)
        for column in copy.columns:  # MariaDB has no named CHECK in the definition of a column
            checks = {item for item in column.constraints if isinstance(item, CheckConstraint)}
            column.constraints -= checks
            for check in checks:
                copy.append_constraint(CheckConstraint(check.sqltext, name=check.name))
        options = (str(value).upper() for index in copy.indexes for value in index.dialect_kwargs.values())
        if "FULLTEXT" in options:
            # InnoDB has no such index for temporary tables:
            # https://mariadb.com/kb/en/innodb-limitations/#limitations-on-tables
            engine = "Aria" if connection.dialect.is_mariadb else "MyISAM"  # type: ignore[attr-defined]
            copy.dialect_kwargs.update(mysql_engine=engine, mariadb_engine=engine)
        with connection.engine.connect() as scratch:
            self.make(scratch, copy)
            yield scratch
