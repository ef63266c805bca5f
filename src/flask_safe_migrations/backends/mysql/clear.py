"""Empties a database on MariaDB or MySQL."""

from sqlalchemy import Connection, text

# Views first: a table used by a view can be dropped, but after that the view cannot be dropped as a table.
VIEWS = "SELECT 'VIEW', table_name FROM information_schema.views WHERE table_schema = database()"
TABLES = """SELECT if(table_type = 'SEQUENCE', 'SEQUENCE', 'TABLE'), table_name FROM information_schema.tables
    WHERE table_schema = database() AND table_type <> 'VIEW'"""
ROUTINES = (
    "SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = database()"
)
EVENTS = "SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = database()"


def clear(connection: Connection) -> None:
    connection.exec_driver_sql("SET SESSION foreign_key_checks = 0")
    quote = connection.dialect.identifier_preparer.quote_identifier
    for query in (VIEWS, TABLES, ROUTINES, EVENTS):
        for kind, name in connection.execute(text(query)).all():
            connection.exec_driver_sql(f"DROP {kind} {quote(name)}")
