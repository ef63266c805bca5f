"""Which functions and triggers work: PostgreSQL knows what a view needs, but not what the text of code does.

https://www.postgresql.org/docs/current/ddl-depend.html
"""

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from ...errors import first_line
from ..probes import Probe, Probes, find_row_columns, find_statements
from .catalog import query

CODE = text(
    query("""
    SELECT p.oid::regprocedure::text, CASE p.prokind WHEN 'p' THEN 'procedure ' ELSE 'function ' END
        || NAME(p.proname), l.lanname, p.oid, p.prosrc, coalesce(p.proargnames, '{}')
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind IN ('f', 'p') AND l.lanname IN ('sql', 'plpgsql') AND HERE AND FREE(p)
""")
)
TRIGGERS = text(
    query("""
    SELECT 'trigger ' || t.tgname, c.relname, p.prosrc, (SELECT array_agg(a.attname::text) FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang
    WHERE NOT t.tgisinternal AND l.lanname = 'plpgsql' AND HERE AND FREE(c)
""")
)
# https://www.postgresql.org/docs/current/errcodes-appendix.html: no such table, column, function, object
MISSING = {"42P01", "42703", "42883", "42704"}


def probe_objects(connection: Connection) -> Probes:
    """Validate each SQL function, and prepare each statement in PL/pgSQL; nothing is executed."""
    found: Probes = {}
    for signature, name, language, oid, source, parameters in connection.execute(CODE).all():
        if language == "sql":
            found[Probe(name, signature)] = _try(connection, f"SELECT fmgr_sql_validator({oid})")
            continue
        for statement in find_statements(source, parameters):
            prepare = f"PREPARE migration_probe AS {statement}"
            found[Probe(name, statement)] = _try(connection, prepare, "DEALLOCATE migration_probe")
    for name, table, source, columns in connection.execute(TRIGGERS).all():
        for column in find_row_columns(source):
            error = None if column in columns else f"{table} has no column {column}"
            found[Probe(f"{name} on {table}", column)] = error
    return found


def _try(connection: Connection, *statements: str) -> str | None:
    savepoint = connection.begin_nested()
    try:
        for statement in statements:
            connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
    except DBAPIError as error:
        code = getattr(error.orig, "sqlstate", None) or getattr(error.orig, "pgcode", None)
        return first_line(error.orig) if code in MISSING else None
    finally:
        savepoint.rollback()
    return None
