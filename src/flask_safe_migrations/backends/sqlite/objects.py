"""SQLite stores the SQL of each table, view and trigger: https://sqlite.org/schematab.html"""

from sqlalchemy import Connection, text

from ..schema import SchemaObject
from .row_checks import quoted

# A view may refer to a later view, because SQLite resolves it only on use. A trigger needs its table or
# view.
CODE = (
    "SELECT type, name, sql FROM sqlite_master WHERE type IN ('view', 'trigger') "
    "ORDER BY type = 'trigger', rowid"
)
TABLE = text(
    "SELECT sql FROM sqlite_master WHERE tbl_name = :name AND type IN ('table', 'index') AND sql <> '' "
    "ORDER BY type = 'index', name"
)
# Shadow tables, which hold the content of a virtual table and are created with it:
# https://sqlite.org/vtab.html#xshadowname
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
    """Return the counters of tables with AUTOINCREMENT: https://sqlite.org/autoinc.html"""
    there = "SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'"
    if connection.scalar(text(there)) is None:
        return {}
    return {
        name: f"UPDATE sqlite_sequence SET seq = {last} WHERE name = {_literal(name)}"  # noqa: S608
        for name, last in connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all()
    }


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
