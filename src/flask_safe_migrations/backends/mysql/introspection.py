"""Reads SHOW CREATE TABLE, which has one line for each column, key and constraint."""

import re
from functools import partial

from sqlalchemy import Connection, text

from ..schema import Definition, Schema, known
from .stored_objects import quote, read, rows

TABLES = text("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database()")
# Matches "`id` int(11) NOT NULL", "UNIQUE KEY `uq` (`name`)", "CONSTRAINT `fk` FOREIGN KEY (`a`) …".
LINE = re.compile(r"([A-Z ]*)`((?:[^`]|``)+)` (.*)")


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    found = {}
    for table, kind in connection.execute(TABLES).all():
        if kind == "BASE TABLE" and table not in ignoring:
            row = rows(connection, f"SHOW CREATE TABLE {quote(table)}")[0]
            made = re.sub(r" AUTO_INCREMENT=\d+", "", row[1])
            found[f"table {table}"] = Definition(made, partial(_parts, table, made))
        elif kind == "SEQUENCE":
            made = str(rows(connection, f"SHOW CREATE SEQUENCE {quote(table)}")[0][1])
            found[f"sequence {table}"] = Definition(made, known({"definition": made}))
    for code in read(connection):
        told = f"{code.statement} {code.sql_mode} {code.time_zone}"
        found[f"{code.kind.lower()} {code.name}"] = Definition(told, known({"definition": told}))
    return found


def _parts(table: str, made: str) -> dict[str, str]:
    parts = {}
    for line in made.splitlines()[1:]:
        line = line.strip().rstrip(",")
        if match := LINE.fullmatch(line):
            kind, name, what = match.groups()
            parts[f"{kind.strip().lower() or 'column'} {table}.{name}"] = what
        else:  # the primary key, and the last line with the table options
            parts[f"{table}: {line}"] = ""
    return parts
