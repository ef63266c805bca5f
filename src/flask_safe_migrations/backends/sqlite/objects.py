"""SQLite keeps the text that made a table, a view or a trigger: https://sqlite.org/schematab.html"""

from sqlalchemy import Connection, text

from ..objects import SchemaObject
from .row_checks import quoted

# A view may name one that comes later, it is looked at when it is used; a trigger needs its table or view.
CODE = (
    "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') "
    "ORDER BY type = 'trigger', rowid"
)
TABLE = text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('table', 'index') AND sql <> '' "
    "ORDER BY type = 'index', name"
)
# Those that hold what is in a virtual table, and are made with it: https://sqlite.org/vtab.html#xshadowname
SHADOWS = text("SELECT 1 FROM pragma_table_list WHERE type = 'shadow' AND name = :name")


def made(connection: Connection) -> list[SchemaObject]:
    return [
        SchemaObject(kind, name, (sql,), f"DROP {kind.upper()} {quoted(name)}")
        for kind, name, sql in connection.exec_driver_sql(CODE).all()
    ]


def table_sql(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    if connection.scalar(SHADOWS, {"name": table}):
        return []
    return list(connection.scalars(TABLE, {"name": table}))


def counters(connection: Connection) -> dict[str, str]:
    """Of tables with AUTOINCREMENT: https://sqlite.org/autoinc.html"""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if connection.scalar(text(there)) is None:
        return {}
    return {
        name: f"UPDATE sqlite_sequence SET seq = {last} WHERE name = {_literal(name)}"  # noqa: S608
        for name, last in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()
    }


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
