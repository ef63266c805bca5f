"""MariaDB and MySQL say what a table is in one statement, a line for each column, key and constraint."""

import re

from sqlalchemy import Connection, inspect, text

from .schema import Definition, Schema

TABLES = text("SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database()")
# "`id` int(11) NOT NULL", "UNIQUE KEY `uq` (`name`)", "CONSTRAINT `fk` FOREIGN KEY (`a`) …"
LINE = re.compile(r"([A-Z ]*)`((?:[^`]|``)+)` (.*)")


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    quote = connection.dialect.identifier_preparer.quote_identifier
    found = {}
    for table, kind in connection.execute(TABLES).all():
        if kind == "VIEW":
            view = str(inspect(connection).get_view_definition(table))
            found[f"view {table}"] = Definition(view, lambda view=view: {"definition": view})
        elif table not in ignoring:
            row = connection.exec_driver_sql(f"SHOW CREATE TABLE {quote(table)}").one()
            made = re.sub(r" AUTO_INCREMENT=\d+", "", row[1])
            found[f"table {table}"] = Definition(made, lambda table=table, made=made: _parts(table, made))
    return found


def _parts(table: str, made: str) -> dict[str, str]:
    parts = {}
    for line in made.splitlines()[1:]:
        line = line.strip().rstrip(",")
        if match := LINE.fullmatch(line):
            kind, name, what = match.groups()
            parts[f"{kind.strip().lower() or 'column'} {table}.{name}"] = what
        else:  # the primary key, and the last line with the options of the table
            parts[f"{table}: {line}"] = ""
    return parts
