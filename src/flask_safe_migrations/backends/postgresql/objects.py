"""The SQL that creates the tables and other objects of a PostgreSQL database, built from its catalog."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from ..escaping import quote_name
from ..schema import SchemaObject
from .catalog import query

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
    SELECT c.oid::regclass::text, quote_literal(c.oid::regclass)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND HERE AND FREE(c)
""")
)
# Objects that refer to other objects and are created last: indexes of materialized views, triggers,
# privileges and comments.
LATE = text(
    query("""
    SELECT 'index' AS kind, x.indexrelid::regclass::text AS name, pg_get_indexdef(x.indexrelid) AS create,
        NULL AS drop
    FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND HERE AND FREE(c)
    UNION ALL
    SELECT 'trigger', t.tgname || ' on ' || c.relname, pg_get_triggerdef(t.oid),
        format('DROP TRIGGER %I ON %s', t.tgname, c.oid::regclass)
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND HERE AND FREE(c)
    UNION ALL
    SELECT 'trigger', t.tgname || ' on ' || c.relname, format('ALTER TABLE %s %s TRIGGER %I', c.oid::regclass,
        CASE t.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,
        t.tgname), NULL
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND t.tgenabled <> 'O' AND HERE AND FREE(c)
    UNION ALL
    SELECT 'rights', c.relname, format('GRANT %s ON %s%s TO %s%s', r.privilege_type,
        CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE '' END, c.oid::regclass,
        CASE r.grantee WHEN 0 THEN 'PUBLIC' ELSE r.grantee::regrole::text END,
        CASE WHEN r.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), NULL
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) r
    WHERE r.grantee <> c.relowner AND HERE AND FREE(c)
    UNION ALL
    SELECT 'comment', o.identity, format('COMMENT ON %s %s IS %L',
        CASE o.type WHEN 'table constraint' THEN 'CONSTRAINT' WHEN 'view column' THEN 'COLUMN'
            WHEN 'materialized view column' THEN 'COLUMN' ELSE upper(o.type) END,
        o.identity, d.description), NULL
    FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    WHERE d.objoid >= 16384 AND o.type NOT IN ('table', 'table column', 'extension')
        AND NOT EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')
""")
)
# A function may refer to an object that is created later. pg_dump does the same.
UNCHECKED = "SET LOCAL check_function_bodies = off"
EARLY = ("schema", "extension", "enum", "sequence")
# PostgreSQL has no statement that returns the SQL of a table.
TABLE_COLUMNS = text("""
    SELECT string_agg(concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
        CASE a.attidentity WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
            WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
        CASE a.attgenerated WHEN '' THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
            WHEN 's' THEN 'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
            ELSE 'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') VIRTUAL' END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' END), E',\n    ' ORDER BY a.attnum)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND NOT a.attisdropped
""")
TABLE = text("""
    SELECT format(E'CREATE %sTABLE %s (\n    %s\n)%s',
        CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END,
        oid::regclass, CAST(:columns AS text), ' WITH (' || array_to_string(reloptions, ', ') || ')')
    FROM pg_class WHERE oid = CAST(:table AS regclass)
""")
# Sequences that belong to a column. They are created before the table and assigned to the column after it.
TABLE_SEQUENCES = text(
    query("""
    SELECT SEQUENCE, format('ALTER SEQUENCE %s OWNED BY %s.%I', s.seqrelid::regclass, d.refobjid::regclass,
        a.attname)
    FROM pg_sequence s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
        AND d.deptype = 'a'
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.refobjid = CAST(:table AS regclass)
""")
)
TABLE_PARTS = text("""
    SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
        pg_get_constraintdef(oid))
    FROM pg_constraint WHERE conrelid = CAST(:table AS regclass) AND contype IN ('p', 'u', 'c', 'x', 'f')
    UNION ALL
    SELECT pg_get_indexdef(x.indexrelid) FROM pg_index x WHERE x.indrelid = CAST(:table AS regclass)
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid
            AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT format('COMMENT ON %s IS %L', CASE d.objsubid WHEN 0 THEN 'TABLE ' || d.objoid::regclass
        ELSE 'COLUMN ' || d.objoid::regclass || '.' || quote_ident(a.attname) END, d.description)
    FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
    WHERE d.classoid = 'pg_class'::regclass AND d.objoid = CAST(:table AS regclass)
    UNION ALL
    SELECT format('ALTER TABLE %s ALTER %I SET STORAGE %s', a.attrelid::regclass, a.attname,
        CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
            ELSE 'EXTENDED' END)
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = CAST(:table AS regclass) AND a.attnum > 0 AND a.attstorage <> t.typstorage
""")


def schema_objects(connection: Connection) -> list[SchemaObject]:
    """Return all objects other than tables, in an order in which they can be created."""
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


def counter_sql(connection: Connection) -> dict[str, str]:
    """Return the sequences that have been used, each with the SQL that restores its value."""
    found = {}
    for name, literal in connection.execute(SEQUENCES).all():
        last, called = connection.exec_driver_sql(f"SELECT last_value, is_called FROM {name}").one()  # noqa: S608
        if called:
            found[name] = f"SELECT setval({literal}, {last})"
    return found


def table_sql(connection: Connection, table: str, schema: str | None = None) -> list[str]:
    """Return the SQL that creates a table, its sequences, constraints and indexes."""
    place = {"table": quote_name(connection.dialect, schema, table)}
    sequences = connection.execute(TABLE_SEQUENCES, place).all()
    columns = connection.scalar(TABLE_COLUMNS, place)
    made = connection.scalar(TABLE, {"columns": columns or "", **place})
    rest = connection.scalars(TABLE_PARTS, place).all()
    return [*(create for create, _ in sequences), made, *(owner for _, owner in sequences), *rest]
