"""Reads SQLite's constraints and indexes from pragmas, and their names from CREATE TABLE.

SQLAlchemy reads constraints from the text alone and misses some of those written after a column: UNIQUE
after VARCHAR(50), or the ON DELETE of a REFERENCES. https://sqlite.org/pragma.html#pragma_foreign_key_list
"""

import re
from collections.abc import Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Connection

from ..constraints import ConstraintInfo, normalize_condition
from .ddl_parser import Declared, declared
from .row_checks import quoted

TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
NAME = re.compile(
    r"INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(\"[^\"]+\"|\S+)\s+ON\s+(\"[^\"]+\"|[^\s(]+)", re.IGNORECASE
)


def read(connection: Connection, ignoring: frozenset[str]) -> list[ConstraintInfo]:
    driver: Any = connection.connection.dbapi_connection
    tables = driver.execute(TABLES).fetchall()
    return [part for table, sql in tables if table not in ignoring for part in _of_table(driver, table, sql)]


def _of_table(driver: Any, table: str, sql: str) -> Iterator[ConstraintInfo]:
    names: dict[Any, list[str | None]] = {}
    late: dict[Any, str] = {}
    for found in declared(sql):
        names.setdefault(_key(found), []).append(found.name)
        late[_key(found)] = found.text
        if found.kind == "check":
            yield ConstraintInfo(None, table, "check", (), normalize_condition(found.text), found.name)

    def name(kind: str, columns: tuple[str, ...], parent: str = "") -> str | None:
        left = names.get(_key(Declared(kind, columns, parent, "", None)))
        return left.pop(0) if left else None

    rows = driver.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()
    if key := tuple(row[1] for row in sorted(rows, key=lambda row: row[5]) if row[5]):
        yield ConstraintInfo(None, table, "primary key", key, "", name("primary key", key))
    for _seq, index, _unique, origin, _partial in driver.execute(
        f"PRAGMA index_list({quoted(table)})"
    ).fetchall():
        if origin == "u":
            columns = tuple(row[2] for row in driver.execute(f"PRAGMA index_info({quoted(index)})"))
            yield ConstraintInfo(
                None, table, "unique constraint", columns, "", name("unique constraint", columns)
            )
    keys = driver.execute(f"PRAGMA foreign_key_list({quoted(table)})").fetchall()
    for _id, group in groupby(keys, key=lambda row: row[0]):
        rows = list(group)
        columns, parent = tuple(row[3] for row in rows), rows[0][2]
        to = [row[4] for row in rows]
        if None in to:  # it refers to the parent's primary key
            own = driver.execute(f"PRAGMA table_xinfo({quoted(parent)})").fetchall()
            to = [row[1] for row in sorted(own, key=lambda row: row[5]) if row[5]]
        deferrable = late.get(_key(Declared("foreign key", columns, parent, "", None)), "")
        told = ", ".join(filter(None, [parent.lower(), *to, *rows[0][5:7], deferrable]))
        yield ConstraintInfo(None, table, "foreign key", columns, told, name("foreign key", columns, parent))
    for index, text in driver.execute(INDEXES, [table]).fetchall():
        yield _index(driver, table, index, text)


def _index(driver: Any, table: str, index: str, text: str) -> ConstraintInfo:
    """Describe an index.

    Equal indexes have equal descriptions, however they were written. Expressions are compared as text.
    """
    rows = driver.execute(f"PRAGMA index_xinfo({quoted(index)})").fetchall()
    keys = [row for row in rows if row[5]]
    columns = tuple(row[2] or "an expression" for row in keys)
    if "an expression" in columns:
        return ConstraintInfo(
            None, table, "index", columns, normalize_condition(NAME.sub("INDEX ON ", text)), index
        )
    unique = "UNIQUE" if re.match(r"CREATE\s+UNIQUE", text, re.IGNORECASE) else ""
    order = ", ".join(f"{'DESC' if row[3] else ''} {row[4]}" for row in keys)
    where = re.search(r"\)\s*WHERE\s+(.*)", text, re.IGNORECASE | re.DOTALL)
    return ConstraintInfo(
        None,
        table,
        "index",
        columns,
        f"{unique} {order} {normalize_condition(where[1]) if where else ''}",
        index,
    )


def _key(found: Declared) -> Any:
    return found.kind, tuple(column.lower() for column in found.columns), found.parent.lower()
