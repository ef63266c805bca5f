"""Which views, routines, triggers and events work: the server checks them only when they are used."""

from collections import defaultdict
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from ..probes import Probe, Probes, find_row_columns, find_statements
from .connection import error_code
from .statements import quote, rows

VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = database()"
CODE = """SELECT lower(routine_type), routine_name, routine_definition FROM information_schema.routines
WHERE routine_schema = database() AND routine_definition IS NOT NULL
UNION ALL SELECT 'trigger', trigger_name, action_statement FROM information_schema.triggers
WHERE trigger_schema = database()
UNION ALL SELECT 'event', event_name, event_definition FROM information_schema.events
WHERE event_schema = database()"""
PARAMETERS = """SELECT specific_name, parameter_name FROM information_schema.parameters
WHERE specific_schema = database() AND parameter_name IS NOT NULL"""
ROWS = """SELECT trigger_name, event_object_table, action_statement FROM information_schema.triggers
WHERE trigger_schema = database()"""
COLUMNS = """SELECT column_name FROM information_schema.columns
WHERE table_schema = database() AND table_name = %s"""
# No such column, table, routine; a view that is invalid; values that do not match the columns.
# https://mariadb.com/kb/en/mariadb-error-codes/
BROKEN = {1054, 1146, 1305, 1356, 1136, 1222}


def probe_objects(connection: Connection) -> Probes:
    """Prepare each view and each statement in the code of the database; nothing is executed."""
    found: Probes = {
        Probe(f"view {view}", certain=True): _prepare(connection, f"SELECT * FROM {quote(view)}")  # noqa: S608
        for (view,) in rows(connection, VIEWS)
    }
    code = rows(connection, CODE)
    parameters: dict[str, list[str]] = defaultdict(list)
    for name, parameter in rows(connection, PARAMETERS) if code else ():
        parameters[name].append(parameter)
    for kind, name, body in code:
        for statement in find_statements(body, parameters[name]):
            found[Probe(f"{kind} {name}", statement)] = _prepare(connection, statement)
    for name, table, body in rows(connection, ROWS):
        existing = {column.lower() for (column,) in rows(connection, COLUMNS, table)}
        for column in find_row_columns(body):
            error = None if column in existing else f"{table} has no column {column}"
            found[Probe(f"trigger {name}", column)] = error
    return found


def _prepare(connection: Connection, statement: str) -> str | None:
    try:
        rows(connection, "PREPARE migration_probe FROM %s", statement)
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        original: Any = error.orig
        return str(original.args[-1]) if error_code(error) in BROKEN else None
    rows(connection, "DEALLOCATE PREPARE migration_probe")
    return None
