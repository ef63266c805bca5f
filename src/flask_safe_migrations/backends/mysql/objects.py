"""MariaDB and MySQL: objects other than tables, and the SQL of tables."""

import re

from sqlalchemy import Connection, text

from ..schema import SchemaObject
from .stored_objects import Code, quote, read, rows

# https://mariadb.com/kb/en/information-schema-tables-table/
SEQUENCES = """SELECT table_name FROM information_schema.tables
WHERE table_schema = database() AND table_type = 'SEQUENCE' ORDER BY table_name"""
DEFINER = re.compile(r" DEFINER=(`(?:[^`]|``)*`@`(?:[^`]|``)*`)")
PART = re.compile(r"  (?:(?:UNIQUE |FULLTEXT |SPATIAL )?KEY|CONSTRAINT(?=.* CHECK )) `((?:[^`]|``)+)` ")
COUNTER = re.compile(r" AUTO_INCREMENT=(\d+)")


def made(connection: Connection) -> list[SchemaObject]:
    """Return the objects.

    If the connection's user is the definer, the SQL has no DEFINER: the user who runs it becomes the
    definer.
    """
    user = f"{quote_user(connection)}"
    found = [
        SchemaObject(
            "sequence", name, (_created(connection, name),), f"DROP SEQUENCE {quote(name)}", early=True
        )
        for (name,) in rows(connection, SEQUENCES)
    ]
    for code in _views_in_order(read(connection)):
        create = DEFINER.sub(lambda match: "" if match[1] == user else match[0], code.statement, count=1)
        drop = f"DROP {code.kind} {quote(code.name)}"
        found.append(SchemaObject(code.kind.lower(), code.name, (create,), drop))
    return found


def quote_user(connection: Connection) -> str:
    name, _, host = str(connection.scalar(text("SELECT current_user()"))).rpartition("@")
    return f"{quote(name)}@{quote(host)}"


def _created(connection: Connection, sequence: str) -> str:
    return str(rows(connection, f"SHOW CREATE SEQUENCE {quote(sequence)}")[0][1])


def _views_in_order(codes: list[Code]) -> list[Code]:
    """Sort routines first, then views in order of dependency, and triggers and events last."""
    views = {code.name: code for code in codes if code.kind == "VIEW"}
    needs = {
        name: {other for other in views if other != name and quote(other) in code.statement}
        for name, code in views.items()
    }
    ordered: list[Code] = []
    while views:
        ready = [name for name in views if not needs[name] & views.keys()] or list(views)
        ordered += [views.pop(name) for name in ready]
    routines = [code for code in codes if code.kind in {"PROCEDURE", "FUNCTION"}]
    return [*routines, *ordered, *(code for code in codes if code not in routines and code not in ordered)]


def table_sql(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    """Return the SQL without the server's defaults, because another server may have different ones."""
    made = COUNTER.sub("", str(rows(connection, f"SHOW CREATE TABLE {quote(table)}")[0][1]))
    ((charset, collation),) = rows(connection, "SELECT @@character_set_database, @@collation_database")
    return [made.replace(f" DEFAULT CHARSET={charset} COLLATE={collation}", "")]


def part_sql(connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
    found = {}
    for line in table_sql(connection, table)[0].splitlines():
        if match := PART.match(line):
            found[match[1].replace("``", "`")] = f"ALTER TABLE {quote(table)} ADD {line.strip().rstrip(',')}"
    return found


def counters(connection: Connection) -> dict[str, str]:
    """Return the counters of AUTO_INCREMENT and of sequences whose next key is not 1."""
    found = {}
    tables = "SELECT table_name FROM information_schema.tables WHERE table_schema = database()"
    for (table,) in rows(connection, f"{tables} AND table_type = 'BASE TABLE'"):
        if match := COUNTER.search(str(rows(connection, f"SHOW CREATE TABLE {quote(table)}")[0][1])):
            found[table] = f"ALTER TABLE {quote(table)} AUTO_INCREMENT = {match[1]}"
    for (name,) in rows(connection, SEQUENCES):
        state = f"SELECT next_not_cached_value, start_value FROM {quote(name)}"  # noqa: S608
        ((following, start),) = rows(connection, state)
        if following != start:
            found[name] = f"SELECT setval({quote(name)}, {following}, 0)"
    return found
