"""Views, triggers, routines, events and sequences of a MariaDB or MySQL database, and their SQL.

RENAME TABLE moves sequences, but not the others. Their SQL is stored in a table of the database itself. They
are created from that list once the tables exist.
"""

import re
from dataclasses import astuple, dataclass

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...errors import MigrationError
from ..schema import SchemaObject
from .statements import quote, rows, show_create

TABLE = "migration_unfinished"
CREATE = """CREATE TABLE IF NOT EXISTS migration_unfinished (
    position INT PRIMARY KEY, kind VARCHAR(20), name VARCHAR(64), statement LONGTEXT,
    sql_mode TEXT, time_zone VARCHAR(64)
) CHARACTER SET utf8mb4"""
FOUND = """SELECT * FROM (
    SELECT 1 AS sort_order, routine_type AS kind, routine_name AS name FROM information_schema.routines
    WHERE routine_schema = database()
    UNION ALL SELECT 2, 'VIEW', table_name FROM information_schema.views WHERE table_schema = database()
    UNION ALL SELECT 3 + action_order, 'TRIGGER', trigger_name FROM information_schema.triggers
    WHERE trigger_schema = database()
    UNION ALL SELECT 99, 'EVENT', event_name FROM information_schema.events WHERE event_schema = database()
) AS found ORDER BY sort_order"""
LISTED = "SELECT kind, name, statement, sql_mode, time_zone FROM migration_unfinished ORDER BY position"
# https://mariadb.com/kb/en/information-schema-tables-table/
SEQUENCES = """SELECT table_name FROM information_schema.tables
WHERE table_schema = database() AND table_type = 'SEQUENCE' ORDER BY table_name"""
DEFINER = re.compile(r" DEFINER=(`(?:[^`]|``)*`@`(?:[^`]|``)*`)")
# Defaults that use a sequence name it with its database.
DEFAULTS = """SELECT table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema = database() AND instr(column_default, %s)"""


@dataclass
class StoredObject:
    """The SQL that creates a view or similar object. Without SQL, the object is only dropped."""

    kind: str
    name: str
    statement: str = ""
    sql_mode: str = ""
    time_zone: str = "SYSTEM"


def read(connection: Connection) -> list[StoredObject]:
    """Return the objects of the connection's database, each with the SQL that creates it."""
    return [_read(connection, kind, name) for _order, kind, name in rows(connection, FOUND)]


def _read(connection: Connection, kind: str, name: str) -> StoredObject:
    row = show_create(connection, kind, name)
    statement = next((value for value in row[1:] if str(value).startswith("CREATE ")), None)
    if statement is None:
        raise MigrationError(
            f"The user of DATABASE_URL may not read {kind.lower()} {name}, nothing was changed: "
            "use one that may."
        )
    sql_mode = "" if kind == "VIEW" else row[1]
    return StoredObject(kind, name, statement, sql_mode, row[2] if kind == "EVENT" else "SYSTEM")


def schema_objects(connection: Connection) -> list[SchemaObject]:
    """Return views, triggers, routines, events and sequences, in an order in which they can be created.

    If the connection's user is the definer, the SQL has no DEFINER: the user who runs it becomes the
    definer.
    """
    user = _quoted_user(connection)
    found = []
    for (name,) in rows(connection, SEQUENCES):
        create = str(show_create(connection, "SEQUENCE", name)[1])
        found.append(SchemaObject("sequence", name, (create,), f"DROP SEQUENCE {quote(name)}", early=True))
    for item in _in_creation_order(read(connection)):
        create = DEFINER.sub(lambda match: "" if match[1] == user else match[0], item.statement, count=1)
        drop = f"DROP {item.kind} {quote(item.name)}"
        found.append(SchemaObject(item.kind.lower(), item.name, (create,), drop))
    return found


def _quoted_user(connection: Connection) -> str:
    name, _, host = str(connection.scalar(text("SELECT current_user()"))).rpartition("@")
    return f"{quote(name)}@{quote(host)}"


def _in_creation_order(objects: list[StoredObject]) -> list[StoredObject]:
    """Sort routines first, then views in order of dependency, and triggers and events last."""
    views = {item.name: item for item in objects if item.kind == "VIEW"}
    needs = {
        name: {other for other in views if other != name and quote(other) in view.statement}
        for name, view in views.items()
    }
    ordered: list[StoredObject] = []
    while views:
        ready = [name for name in views if not needs[name] & views.keys()] or list(views)
        ordered += [views.pop(name) for name in ready]
    routines = [item for item in objects if item.kind in {"PROCEDURE", "FUNCTION"}]
    return [*routines, *ordered, *(item for item in objects if item.kind in {"TRIGGER", "EVENT"})]


def sequence_defaults(connection: Connection, before: str, after: str) -> list[StoredObject]:
    """Return the column defaults that name their database, changed to name the target database."""
    old, new = f"{quote(before)}.", f"{quote(after)}."
    found = []
    for table, column, default in rows(connection, DEFAULTS, old):
        change = f"ALTER {quote(column)} SET DEFAULT {default.replace(old, new)}"
        found.append(StoredObject("", "", f"ALTER TABLE {quote(table)} {change}"))
    return found


def store(connection: Connection, objects: list[StoredObject]) -> None:
    """Write the list into the connection's database, replacing an existing one."""
    rows(connection, CREATE)
    rows(connection, "DELETE FROM migration_unfinished")
    if objects:
        insert = "INSERT INTO migration_unfinished VALUES (%s, %s, %s, %s, %s, %s)"
        connection.exec_driver_sql(insert, [(n, *astuple(item)) for n, item in enumerate(objects)])


def is_unfinished(connection: Connection) -> bool:
    return bool(rows(connection, "SHOW TABLES LIKE 'migration_unfinished'"))


def finish(connection: Connection) -> None:
    """Create the objects on the list.

    Raises MigrationError if the server refuses one; the list is then kept.
    """
    if not is_unfinished(connection):
        return
    left = [StoredObject(*row) for row in rows(connection, LISTED)]
    while left:
        refused = [(item, error) for item in left if (error := _create(connection, item))]
        if len(refused) == len(left):  # while progress is made, a view may refer to a later one
            item, error = refused[0]
            raise MigrationError(
                f"The tables are in place, but {item.kind.lower() or 'a default'} {item.name} could not be "
                f"made: {error}; fix it, then `flask db upgrade` goes on from there."
            )
        left = [item for item, _error in refused]
    rows(connection, "SET SESSION sql_mode = DEFAULT, time_zone = DEFAULT")
    rows(connection, "DROP TABLE migration_unfinished")


def _create(connection: Connection, item: StoredObject) -> BaseException | None:
    """Drop and create the object; return the server's error if it refuses."""
    try:
        if item.kind:
            rows(connection, f"DROP {item.kind} IF EXISTS {quote(item.name)}")
            rows(connection, "SET SESSION sql_mode = %s, time_zone = %s", item.sql_mode, item.time_zone)
        if item.statement:
            rows(connection, item.statement)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        return error.orig
    return None
