"""Reads tables from SHOW CREATE TABLE, which has one line for each column, key and constraint."""

import re
from functools import partial
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Connection, String, Table, UniqueConstraint, text

from ..constraints import ConstraintInfo, normalize_condition
from ..escaping import escaped
from ..schema import Definition, Schema, known
from . import stored_objects
from .normalizer import unescaped
from .statements import COUNTER, quote, rows, show_create

TABLES = """SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database()
ORDER BY table_name"""
TABLE_KINDS = {"BASE TABLE", "SYSTEM VERSIONED"}  # https://mariadb.com/kb/en/system-versioned-tables/
# Matches "`id` int(11) NOT NULL", "UNIQUE KEY `uq` (`name`)", "CONSTRAINT `fk` FOREIGN KEY (`a`) …".
LINE = re.compile(r"([A-Z ]*)`((?:[^`]|``)+)` (.*)")
# Matches "`price` decimal(8,2) NOT NULL CHECK (`price` > 0)".
COLUMN_CHECK = re.compile(r"(`((?:[^`]|``)+)` .*?) CHECK \((.*)\)")
HAS_LEVEL = text(
    "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema' "
    "AND table_name = 'CHECK_CONSTRAINTS' AND column_name = 'LEVEL'"
)
WITH_COLUMN_CHECKS = text(
    "SELECT DISTINCT table_name FROM information_schema.check_constraints "
    "WHERE constraint_schema = database() AND level = 'Column'"
)
# A literal, in which a backquote is a character, or a quoted name that needs no quotes.
LITERAL_OR_PLAIN_NAME = re.compile(r"('(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\")|`(\w+)`", re.DOTALL)
# An event that names no start is reported with the second in which it was created.
EVENT_START = re.compile(r"(\bON SCHEDULE (?:EVERY \S+ \S+ )?)(?:STARTS|AT) '[^']*' ")
JSON_VALID = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)")


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    found = {}
    for name, kind in rows(connection, TABLES):
        if kind in TABLE_KINDS and name not in ignoring:
            sql = _without_counter(connection, name)
            found[f"table {name}"] = Definition(sql, partial(_parts, name, sql))
        elif kind == "SEQUENCE":
            sql = str(show_create(connection, kind, name)[1])
            found[f"sequence {name}"] = Definition(sql, known({"definition": sql}))
    for each in stored_objects.read(connection):
        # RENAME TABLE quotes the new name in the triggers of the table.
        statement = EVENT_START.sub(r"\1", each.statement, count=1)
        sql = LITERAL_OR_PLAIN_NAME.sub(r"\1\2", f"{statement} {each.sql_mode} {each.time_zone}")
        found[f"{each.kind.lower()} {each.name}"] = Definition(sql, known({"definition": sql}))
    return found


def _parts(table: str, create: str) -> dict[str, str]:
    parts = {}
    for line in _lines(create):
        if match := LINE.fullmatch(line):
            kind, name, definition = match.groups()
            parts[f"{kind.strip().lower() or 'column'} {table}.{name}"] = definition
        else:  # the primary key, and the last line with the table options
            parts[f"{table}: {line}"] = ""
    return parts


def definition_lines(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    return _lines(show_create(connection, "TABLE", table, schema)[1])


def json_columns(connection: Connection, table: str, schema: str | None) -> set[str]:
    """Return the columns that are JSON, which is a LONGTEXT with a CHECK: https://mariadb.com/kb/en/json/"""
    checked = (COLUMN_CHECK.fullmatch(line) for line in definition_lines(connection, table, schema))
    conditions = (JSON_VALID.fullmatch(match[3]) for match in checked if match)
    return {condition[1].replace("``", "`") for condition in conditions if condition}


def _lines(create: str) -> list[str]:
    return [line.strip().rstrip(",") for line in create.splitlines()[1:]]


def _without_counter(connection: Connection, table: str) -> str:
    return COUNTER.sub("", show_create(connection, "TABLE", table)[1])


def table_sql(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    """Return the SQL without the server's defaults, because another server may have different ones."""
    ((charset, collation),) = rows(connection, "SELECT @@character_set_database, @@collation_database")
    options = f" DEFAULT CHARSET={charset} COLLATE={collation}"
    return [_without_counter(connection, table).replace(options, "")]


def counter_sql(connection: Connection) -> dict[str, str]:
    """Return the counters of AUTO_INCREMENT and of sequences whose next key is not 1."""
    found = {}
    tables = rows(connection, TABLES)
    for name in (name for name, kind in tables if kind in TABLE_KINDS):
        if match := COUNTER.search(show_create(connection, "TABLE", name)[1]):
            found[name] = f"ALTER TABLE {quote(name)} AUTO_INCREMENT = {match[1]}"
    for name in (name for name, kind in tables if kind == "SEQUENCE"):
        state = f"SELECT next_not_cached_value, start_value FROM {quote(name)}"  # noqa: S608
        ((following, start),) = rows(connection, state)
        if following != start:
            found[name] = f"SELECT setval({quote(name)}, {following}, 0)"
    return found


def column_checks(connection: Connection, ignoring: frozenset[str]) -> list[ConstraintInfo]:
    """Return the CHECKs in column definitions, where MariaDB keeps them and SQLAlchemy does not read them."""
    if not connection.scalar(HAS_LEVEL):
        return []  # MySQL stores all of them at the table
    return [
        ConstraintInfo(None, table, "check", (), normalize_condition(condition), None)
        for table in connection.scalars(WITH_COLUMN_CHECKS).all()
        if table not in ignoring
        for condition in _column_conditions(connection, table)
    ]


def _column_conditions(connection: Connection, table: str) -> list[str]:
    lines = definition_lines(connection, table)
    return [match[3] for line in lines if (match := COLUMN_CHECK.fullmatch(line))]


def enrich_table(connection: Connection, table: Table) -> None:
    """Correct what SQLAlchemy does not reflect, or reflects differently.

    A unique constraint is an index here, a foreign key creates one, and a CHECK may belong to a column.
    """
    for column in table.columns:
        column.type = unescaped(column.type)
        reflected: Any = column.type
        width, zerofill = getattr(reflected, "display_width", None), getattr(reflected, "zerofill", True)
        if width not in {None, 1} and not zerofill:
            reflected.display_width = None  # int(11) is int; a BOOLEAN becomes tinyint(1)
    for index in list(table.indexes):
        columns = [column.name for column in index.columns]
        is_plain = not any(index.dialect_kwargs.values()) and len(columns) == len(index.expressions)
        if index.unique and is_plain:
            table.indexes.remove(index)
            name = None if re.fullmatch(rf"{re.escape(columns[0])}(_\d+)?", str(index.name)) else index.name
            table.append_constraint(UniqueConstraint(*columns, name=name))
        elif is_plain and _belongs_to_foreign_key(table, str(index.name), columns):
            table.indexes.remove(index)
    _complete_collations(table)
    for condition in _column_conditions(connection, table.name):
        if match := JSON_VALID.fullmatch(condition):
            table.c[match[1]].type = JSON()  # which is a LONGTEXT with this CHECK
            continue
        table.append_constraint(CheckConstraint(text(escaped(condition))))


def _complete_collations(table: Table) -> None:
    """Give both ends of a foreign key the same collation, which the server requires (errno 150).

    The server does not report the collation of a column that has the one of its table.
    """
    for element in table.foreign_keys:
        ends: list[Any] = [element.parent.type, element.column.type]
        for one, other in (ends, ends[::-1]):
            if getattr(one, "collation", None) and isinstance(other, String) and not other.collation:
                vars(other).update(charset=getattr(one, "charset", None), collation=one.collation)


def _belongs_to_foreign_key(table: Table, name: str, columns: list[str]) -> bool:
    """https://mariadb.com/kb/en/foreign-keys/: the index is named like the key, or like its first column."""
    others = [[column.name for column in index.columns] for index in table.indexes if index.name != name]
    others.append([column.name for column in table.primary_key])
    if any(other[: len(columns)] == columns for other in others):
        return False  # the key does not need this index
    return any(
        columns == key.column_keys and name in {key.name, columns[0]} for key in table.foreign_key_constraints
    )


def estimate_rows(connection: Connection) -> dict[str, int]:
    """https://mariadb.com/kb/en/information-schema-tables-table/: InnoDB's TABLE_ROWS is an estimate."""
    estimates = "SELECT table_name, table_rows FROM information_schema.tables WHERE table_schema = database()"
    return {name: number or 0 for name, number in rows(connection, estimates)}
