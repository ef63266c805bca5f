"""Reads a database from sqlite_master, which stores the SQL of each object, and from pragmas.

https://sqlite.org/schematab.html SQLAlchemy reads constraints from the SQL alone and misses some of those
written after a column: UNIQUE after VARCHAR(50), or the ON DELETE of a REFERENCES.
https://sqlite.org/pragma.html#pragma_foreign_key_list
"""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    ForeignKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    create_engine,
    inspect,
    text,
)

from ..constraints import ConstraintInfo, normalize_condition
from ..escaping import escaped, quote_literal
from ..schema import Definition, Schema, SchemaObject, reflect_tables
from .ddl_parser import (
    DeclaredConstraint,
    columns_with,
    declared_constraints,
    quote,
    unreflected_features,
    without_quotes,
)
from .normalizer import SQLiteNormalizer

# Features that SQLAlchemy does not reflect and that no other part of a definition contains.
UNREFLECTED = ("COLLATE", "ON CONFLICT", "AUTOINCREMENT", "WITHOUT", "STRICT")
EVERYTHING = (
    "SELECT tbl_name, type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
    "ORDER BY type NOT IN ('table', 'view'), type, name"
)
TABLES = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
INDEXES = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL"
INDEX_HEAD = re.compile(
    r"INDEX\s+(?:IF\s+NOT\s+EXISTS\s+)?(\"[^\"]+\"|\S+)\s+ON\s+(\"[^\"]+\"|[^\s(]+)", re.IGNORECASE
)
# A view may refer to a later view, because SQLite resolves it only on use. A trigger needs its table or
# view.
VIEWS_AND_TRIGGERS = (
    "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') "
    "ORDER BY type = 'trigger', rowid"
)
TABLE_AND_INDEXES = text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('table', 'index') AND sql <> '' "
    "ORDER BY type = 'index', name"
)
# Shadow tables, which hold the content of a virtual table and are created with it:
# https://sqlite.org/vtab.html#xshadowname
SHADOW_TABLES = text("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow'")
HAS_TABLE_LIST = sqlite3.sqlite_version_info >= (3, 37)  # https://sqlite.org/releaselog/3_37_0.html
VIRTUAL_TABLES = (
    "SELECT name FROM sqlite_master WHERE type = 'table' AND upper(sql) LIKE 'CREATE VIRTUAL TABLE%'"
)
# Those of FTS5, of FTS3 and FTS4, and of R*Tree.
SHADOW_NAME = re.compile(r"(.+)_(?:data|idx|content|docsize|config|segments|segdir|stat|node|parent|rowid)")


def create_table_sql(driver: Any, table: str) -> str:
    """Return the SQL that creates the table; it is empty if the table does not exist."""
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    row = driver.execute(query, [table]).fetchone()
    return str(row[0]) if row else ""


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    statements_of: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for table, *rest in connection.exec_driver_sql(EVERYTHING).all():
        if table not in ignoring and not table.startswith("sqlite_"):
            statements_of[table].append(tuple(rest))
    return {
        f"{statements[0][0]} {table}": Definition(
            "\n".join(sql for _kind, _name, sql in statements), partial(_parts, statements)
        )
        for table, statements in statements_of.items()
    }


def _parts(statements: list[tuple[str, str, str]]) -> dict[str, str]:
    """Create the table alone in a new database in memory, and reflect it there."""
    found = {
        f"{kind} {name}": without_quotes(sql) for kind, name, sql in statements if kind in {"trigger", "view"}
    }
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        try:
            for kind, _name, sql in statements:
                if kind in {"table", "index"}:
                    driver.execute(sql)  # type: ignore[union-attr]
            for parts in reflect_tables(inspect(connection)).values():
                found |= parts
            found |= _unreflected(statements)
        except sqlite3.Error:  # it needs something that is missing here, such as an extension
            found |= {f"{kind} {name}": sql for kind, name, sql in statements}
    return found


def _unreflected(statements: list[tuple[str, str, str]]) -> dict[str, str]:
    found = {}
    for kind, name, sql in statements:
        if kind == "table":
            for owner, features in unreflected_features(sql).items():
                if unreflected := [each for each in features if each.upper().startswith(UNREFLECTED)]:
                    found[f"{name}, {owner}"] = ", ".join(sorted(unreflected))
        elif kind == "index" and not SQLiteNormalizer().is_plain(" ".join(sql.replace('"', "").split())):
            found[f"index {name}"] = "".join(sql.replace('"', "").split())
    return found


def read_constraints(connection: Connection, ignoring: frozenset[str]) -> list[ConstraintInfo]:
    driver: Any = connection.connection.dbapi_connection
    return [
        constraint
        for table, sql in driver.execute(TABLES).fetchall()
        if table not in ignoring
        for constraint in _constraints_of(driver, table, sql)
    ]


def _constraints_of(driver: Any, table: str, sql: str) -> Iterator[ConstraintInfo]:
    names: dict[Any, list[str | None]] = {}
    deferrable: dict[Any, str] = {}
    for found in declared_constraints(sql):
        names.setdefault(_key_of(found), []).append(found.name)
        deferrable[_key_of(found)] = found.text
        if found.kind == "check":
            yield ConstraintInfo(None, table, "check", (), normalize_condition(found.text), found.name)

    def name(kind: str, columns: tuple[str, ...], parent: str = "") -> str | None:
        left = names.get(_key_of(DeclaredConstraint(kind, columns, parent, "", None)))
        return left.pop(0) if left else None

    if key := _primary_key(driver, table):
        yield ConstraintInfo(None, table, "primary key", key, "", name("primary key", key))
    indexes = driver.execute(f"PRAGMA index_list({quote(table)})").fetchall()
    for _seq, index, _unique, origin, _partial in indexes:
        if origin == "u":
            columns = tuple(row[2] for row in driver.execute(f"PRAGMA index_info({quote(index)})"))
            unique_name = name("unique constraint", columns)
            yield ConstraintInfo(None, table, "unique constraint", columns, "", unique_name)
    keys = driver.execute(f"PRAGMA foreign_key_list({quote(table)})").fetchall()
    for _id, group in groupby(keys, key=lambda row: row[0]):
        rows = list(group)
        columns, parent = tuple(row[3] for row in rows), rows[0][2]
        to = tuple(row[4] for row in rows)
        if None in to:  # it refers to the parent's primary key
            to = _primary_key(driver, parent)
        timing = deferrable.get(_key_of(DeclaredConstraint("foreign key", columns, parent, "", None)), "")
        definition = ", ".join(filter(None, [parent.lower(), *to, *rows[0][5:7], timing]))
        key_name = name("foreign key", columns, parent)
        yield ConstraintInfo(None, table, "foreign key", columns, definition, key_name)
    for index, index_sql in driver.execute(INDEXES, [table]).fetchall():
        yield _index(driver, table, index, index_sql)


def _primary_key(driver: Any, table: str) -> tuple[str, ...]:
    columns = driver.execute(f"PRAGMA table_xinfo({quote(table)})").fetchall()
    return tuple(column[1] for column in sorted(columns, key=lambda column: column[5]) if column[5])


def _index(driver: Any, table: str, index: str, sql: str) -> ConstraintInfo:
    """Describe an index.

    Equal indexes have equal descriptions, however they were written. Expressions are compared as text.
    """
    rows = driver.execute(f"PRAGMA index_xinfo({quote(index)})").fetchall()
    keys = [row for row in rows if row[5]]
    columns = tuple(row[2] or "an expression" for row in keys)
    if "an expression" in columns:
        return ConstraintInfo(
            None, table, "index", columns, normalize_condition(INDEX_HEAD.sub("INDEX ON ", sql)), index
        )
    unique = "UNIQUE" if re.match(r"CREATE\s+UNIQUE", sql, re.IGNORECASE) else ""
    order = ", ".join(f"{'DESC' if row[3] else ''} {row[4]}" for row in keys)
    where = re.search(r"\)\s*WHERE\s+(.*)", sql, re.IGNORECASE | re.DOTALL)
    return ConstraintInfo(
        None,
        table,
        "index",
        columns,
        f"{unique} {order} {normalize_condition(where[1]) if where else ''}",
        index,
    )


def _key_of(found: DeclaredConstraint) -> Any:
    return found.kind, tuple(column.lower() for column in found.columns), found.parent.lower()


def enrich_table(connection: Connection, table: Table) -> None:
    """Add to a reflected table what SQLAlchemy does not read."""
    driver: Any = connection.connection.dbapi_connection
    create = create_table_sql(driver, table.name)
    _enrich_constraints(table, create)
    _enrich_foreign_keys(driver, table)
    for column, collation in columns_with(create, "COLLATE"):
        kind = table.c[column].type
        if isinstance(kind, String):
            kind.collation = collation
    options = create.rpartition(")")[2].upper()
    table.dialect_kwargs["sqlite_autoincrement"] = bool(list(columns_with(create, "AUTOINCREMENT")))
    table.dialect_kwargs["sqlite_with_rowid"] = "WITHOUT ROWID" not in " ".join(options.split())
    table.dialect_kwargs["sqlite_strict"] = "STRICT" in options
    normalizer = SQLiteNormalizer()
    for name, definition in normalizer.definitions(connection, table.name).items():
        if not normalizer.is_plain(definition):
            table.indexes -= {index for index in table.indexes if index.name == name}
            normalizer.index_of(name, definition, table)


def _enrich_constraints(table: Table, create: str) -> None:
    kinds = UniqueConstraint | CheckConstraint
    table.constraints -= {found for found in table.constraints if isinstance(found, kinds)}
    for found in declared_constraints(create):
        if found.kind == "unique constraint":
            table.append_constraint(UniqueConstraint(*found.columns, name=found.name))
        elif found.kind == "check":
            table.append_constraint(CheckConstraint(text(escaped(found.text)), name=found.name))
        elif found.kind == "foreign key":
            for key in table.foreign_key_constraints:
                if tuple(key.column_keys) == found.columns:
                    key.name = found.name
                    parts: list[Any] = [key, *key.elements]
                    for part in parts:
                        part.deferrable = True if "DEFERRABLE" in found.text else None
                        part.initially = "DEFERRED" if "INITIALLY" in found.text else None
        elif found.kind == "primary key":
            table.primary_key.name = found.name


def _enrich_foreign_keys(driver: Any, table: Table) -> None:
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            for row in driver.execute(f"PRAGMA foreign_key_list({quote(table.name)})"):
                if row[3] == key.column_keys[0] and row[2].lower() == key.referred_table.name.lower():
                    parts: list[Any] = [key, *key.elements]
                    for part in parts:
                        part.onupdate, part.ondelete = (None if do == "NO ACTION" else do for do in row[5:7])


def schema_objects(connection: Connection) -> list[SchemaObject]:
    return [
        SchemaObject(kind, name, (sql,), f"DROP {kind.upper()} {quote(name)}")
        for kind, name, sql in connection.exec_driver_sql(VIEWS_AND_TRIGGERS).all()
    ]


def table_sql(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    if table in shadow_tables(connection):
        return []
    return list(connection.scalars(TABLE_AND_INDEXES, {"name": table}))


def dependent_tables(connection: Connection) -> set[tuple[str | None, str]]:
    return {(None, name) for name in shadow_tables(connection)}


def shadow_tables(connection: Connection, *, has_table_list: bool = HAS_TABLE_LIST) -> set[str]:
    """Return the names of shadow tables; an older SQLite recognizes only those of its own modules."""
    if has_table_list:
        return set(connection.scalars(SHADOW_TABLES))
    virtual = set(connection.exec_driver_sql(VIRTUAL_TABLES).scalars())
    tables = connection.exec_driver_sql(TABLES).scalars()
    return {name for name in tables if (match := SHADOW_NAME.fullmatch(name)) and match[1] in virtual}


def counter_sql(connection: Connection) -> dict[str, str]:
    """Return the counters of tables with AUTOINCREMENT: https://sqlite.org/autoinc.html"""
    query = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if connection.scalar(text(query)) is None:
        return {}
    return {
        name: f"UPDATE sqlite_sequence SET seq = {last} WHERE name = {quote_literal(name)}"  # noqa: S608
        for name, last in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()
    }
