"""Reads the statements that SQLite stores for each table. They are parsed only where they differ."""

import sqlite3
from collections import defaultdict
from functools import partial

from sqlalchemy import Connection, create_engine, inspect

from ..schema import Definition, Schema, reflect_tables
from .normalizer import SQLiteNormalizer
from .table_options import features

# Features that SQLAlchemy does not reflect and that no other part of a definition contains.
SILENT = ("COLLATE", "ON CONFLICT", "AUTOINCREMENT", "WITHOUT", "STRICT")

MASTER = (
    "SELECT tbl_name, type, name, sql FROM sqlite_master WHERE sql IS NOT NULL "
    "ORDER BY type NOT IN ('table', 'view'), type, name"
)


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    made: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
    for table, *rest in connection.exec_driver_sql(MASTER).all():
        if table not in ignoring and not table.startswith("sqlite_"):
            made[table].append(tuple(rest))
    return {
        f"{statements[0][0]} {table}": Definition(
            "\n".join(sql for _kind, _name, sql in statements), partial(_parts, statements)
        )
        for table, statements in made.items()
    }


def _parts(statements: list[tuple[str, str, str]]) -> dict[str, str]:
    """Create the table alone in a new database in memory, and reflect it there."""
    found = {f"{kind} {name}": sql for kind, name, sql in statements if kind in {"trigger", "view"}}
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
            for place, told in features(sql).items():
                if silent := [one for one in told if one.upper().startswith(SILENT)]:
                    found[f"{name}, {place}"] = ", ".join(sorted(silent))
        elif kind == "index" and not SQLiteNormalizer().is_plain(" ".join(sql.replace('"', "").split())):
            found[f"index {name}"] = "".join(sql.replace('"', "").split())
    return found
