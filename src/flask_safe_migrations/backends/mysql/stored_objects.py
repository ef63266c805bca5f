"""Views, triggers, routines and events of a MariaDB database, which RENAME TABLE does not move.

Their SQL is stored in a table of the database itself. They are created from that list once the tables
exist.
"""

from dataclasses import astuple, dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError

TABLE = "migration_unfinished"
CREATE = """CREATE TABLE IF NOT EXISTS migration_unfinished (
    position INT PRIMARY KEY, kind VARCHAR(20), name VARCHAR(64), statement LONGTEXT,
    sql_mode TEXT, time_zone VARCHAR(64)
) CHARACTER SET utf8mb4"""
FOUND = """SELECT * FROM (
    SELECT 1 AS turn, routine_type AS kind, routine_name AS name FROM information_schema.routines
    WHERE routine_schema = database()
    UNION ALL SELECT 2, 'VIEW', table_name FROM information_schema.views WHERE table_schema = database()
    UNION ALL SELECT 3 + action_order, 'TRIGGER', trigger_name FROM information_schema.triggers
    WHERE trigger_schema = database()
    UNION ALL SELECT 99, 'EVENT', event_name FROM information_schema.events WHERE event_schema = database()
) AS found ORDER BY turn"""
LISTED = "SELECT kind, name, statement, sql_mode, time_zone FROM migration_unfinished ORDER BY position"
# Defaults that use a sequence name it with its database.
DEFAULTS = """SELECT table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema = database() AND instr(column_default, %s)"""


@dataclass
class Code:
    """The SQL that creates a view or similar object. Without SQL, the object is only dropped."""

    kind: str
    name: str
    statement: str = ""
    sql_mode: str = ""
    time_zone: str = "SYSTEM"


def rows(connection: Connection, sql: str, *values: Any) -> list[Any]:
    """Run a statement without interpolation: a % in a view is not a placeholder."""
    result = connection.exec_driver_sql(sql, values, execution_options={"no_parameters": True})
    return list(result.fetchall()) if result.returns_rows else []


def quote(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def read(connection: Connection) -> list[Code]:
    """Return the objects of the connection's database, each with the SQL that creates it."""
    return [_read(connection, kind, name) for _turn, kind, name in rows(connection, FOUND)]


def _read(connection: Connection, kind: str, name: str) -> Code:
    (row,) = rows(connection, f"SHOW CREATE {kind} {quote(name)}")
    statement = next((value for value in row[1:] if str(value).startswith("CREATE ")), None)
    if statement is None:
        raise MigrationError(
            f"The user of DATABASE_URL may not read {kind.lower()} {name}, nothing was changed: "
            "use one that may."
        )
    sql_mode = "" if kind == "VIEW" else row[1]
    return Code(kind, name, statement, sql_mode, row[2] if kind == "EVENT" else "SYSTEM")


def defaults(connection: Connection, before: str, after: str) -> list[Code]:
    """Return the column defaults that name their database, changed to name the target database."""
    old, new = f"{quote(before)}.", f"{quote(after)}."
    return [
        Code("", "", f"ALTER TABLE {quote(t)} ALTER {quote(c)} SET DEFAULT {text.replace(old, new)}")
        for t, c, text in rows(connection, DEFAULTS, old)
    ]


def store(connection: Connection, codes: list[Code]) -> None:
    """Write the list into the connection's database, replacing an existing one."""
    rows(connection, CREATE)
    rows(connection, "DELETE FROM migration_unfinished")
    if codes:
        insert = "INSERT INTO migration_unfinished VALUES (%s, %s, %s, %s, %s, %s)"
        connection.exec_driver_sql(insert, [(n, *astuple(code)) for n, code in enumerate(codes)])


def is_unfinished(connection: Connection) -> bool:
    return bool(rows(connection, "SHOW TABLES LIKE 'migration_unfinished'"))


def finish(connection: Connection) -> None:
    """Create the objects on the list.

    Raises MigrationError if the server refuses one; the list is then kept.
    """
    if not is_unfinished(connection):
        return
    left = [Code(*row) for row in rows(connection, LISTED)]
    while left:
        refused = [(code, error) for code in left if (error := _make(connection, code))]
        if len(refused) == len(left):  # while progress is made, a view may refer to a later one
            code, error = refused[0]
            raise MigrationError(
                f"The tables are in place, but {code.kind.lower() or 'a default'} {code.name} could not be "
                f"made: {error}; fix it, then `flask db upgrade` goes on from there."
            )
        left = [code for code, _error in refused]
    rows(connection, "SET SESSION sql_mode = DEFAULT, time_zone = DEFAULT")
    rows(connection, "DROP TABLE migration_unfinished")


def _make(connection: Connection, code: Code) -> BaseException | None:
    """Drop and create the object; return the server's error if it refuses."""
    try:
        if code.kind:
            rows(connection, f"DROP {code.kind} IF EXISTS {quote(code.name)}")
            rows(connection, "SET SESSION sql_mode = %s, time_zone = %s", code.sql_mode, code.time_zone)
        if code.statement:
            rows(connection, code.statement)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return error.orig
    return None
