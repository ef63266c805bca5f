"""PostgreSQL: the SQL of objects other than tables, in an order in which they can be created."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from ..objects import SchemaObject
from .dependent_objects import LATE
from .queries import query

PLAIN = text(
    query("""
    SELECT 'schema' AS kind, n.nspname AS name, format('CREATE SCHEMA %I', n.nspname) AS create,
        format('DROP SCHEMA %I', n.nspname) AS drop
    FROM pg_namespace n WHERE HERE AND n.nspname NOT IN ('public', current_schema())
    UNION ALL
    SELECT 'extension', x.extname,
        format('CREATE EXTENSION %I', x.extname)
        || CASE n.nspname WHEN current_schema() THEN '' WHEN 'pg_catalog' THEN ''
            ELSE format(' SCHEMA %I', n.nspname) END,
        format('DROP EXTENSION %I', x.extname)
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql'
    UNION ALL
    SELECT 'enum', NAME(t.typname), format('CREATE TYPE %s AS ENUM (%s)', t.oid::regtype,
        (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
        WHERE enumtypid = t.oid)), format('DROP TYPE %s', t.oid::regtype)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype = 'e' AND HERE AND FREE(t)
    UNION ALL
    SELECT 'sequence', NAME(c.relname), SEQUENCE, format('DROP SEQUENCE %s', c.oid::regclass)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
    WHERE HERE AND FREE(c) AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
""")
)
# Functions and views, by object id. `early`: a default, a constraint or an index of a table needs it.
CODE = text(
    query("""
    SELECT p.oid AS id, l.lanname = 'sql' AS checked, 'function' AS kind, NAME(p.proname) AS name,
        pg_get_functiondef(p.oid) AS create,
        format('DROP %s %s', CASE p.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,
            p.oid::regprocedure) AS drop,
        EXISTS (SELECT FROM pg_depend d WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = p.oid
            AND (d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass)
            OR d.classid = 'pg_class'::regclass AND EXISTS (SELECT FROM pg_index x JOIN pg_class c
                ON c.oid = x.indrelid AND c.relkind = 'r' WHERE x.indexrelid = d.objid))) AS early
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
    WHERE p.prokind IN ('f', 'p') AND HERE AND FREE(p)
    UNION ALL
    SELECT c.oid, false, CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, NAME(c.relname),
        format('CREATE %s %s%s AS%s%s', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,
            c.oid::regclass, ' WITH (' || array_to_string(c.reloptions, ', ') || ')', E'\\n',
            rtrim(pg_get_viewdef(c.oid), ';')),
        format('DROP %s %s', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'MATERIALIZED VIEW' END,
            c.oid::regclass), false
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND HERE AND FREE(c)
""")
)
# Dependencies: what a view selects from or calls, and what a function returns, accepts or is known to call.
NEEDS = text("""
    SELECT coalesce(r.ev_class, d.objid), coalesce(nullif(t.typrelid, 0), d.refobjid)
    FROM pg_depend d LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_type t ON d.refclassid = 'pg_type'::regclass AND t.oid = d.refobjid
    WHERE d.classid IN ('pg_rewrite'::regclass, 'pg_proc'::regclass)
""")
SEQUENCES = text(
    query("""
    SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND HERE AND FREE(c)
""")
)
# A function may refer to an object that is created later. pg_dump does the same.
UNCHECKED = "SET LOCAL check_function_bodies = off"
EARLY = ("schema", "extension", "enum", "sequence")


def made(connection: Connection) -> list[SchemaObject]:
    plain = connection.execute(PLAIN).all()
    found = [SchemaObject(kind, name, (create,), drop, early=True) for kind, name, create, drop in plain]
    found.sort(key=lambda each: EARLY.index(each.kind))
    code = {row.id: row for row in connection.execute(CODE)}
    if any(row.checked for row in code.values()):
        found.append(SchemaObject("setting", "check_function_bodies", (UNCHECKED,), "", early=True))
    found.extend(
        SchemaObject(row.kind, row.name, (row.create.rstrip("\n"),), row.drop, early=row.early)
        for row in _in_order(connection, code)
    )
    late = connection.execute(LATE).all()
    return [*found, *(SchemaObject(kind, name, (create,), drop or "") for kind, name, create, drop in late)]


def _in_order(connection: Connection, code: dict[int, Any]) -> Iterator[Any]:
    """Yield objects after those on which they depend, otherwise in the order of their creation."""
    needs: dict[int, set[int]] = defaultdict(set)
    for one, other in connection.execute(NEEDS):
        if one in code and other in code and one != other:
            needs[one].add(other)
    left = sorted(code)
    while left:
        ready = [
            each for each in left if not needs[each] & set(left)
        ] or left  # functions may call each other
        for each in ready:
            yield code[each]
        left = [each for each in left if each not in ready]


def counters(connection: Connection) -> dict[str, str]:
    found = {}
    for (name,) in connection.execute(SEQUENCES).all():
        last, called = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()  # noqa: S608
        if called:
            found[name] = f"SELECT setval({_literal(name)}, {last})"
    return found


def _literal(name: str) -> str:
    return "'" + name.replace("'", "''") + "'"
