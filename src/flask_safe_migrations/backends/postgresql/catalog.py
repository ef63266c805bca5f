"""Reads PostgreSQL's catalog, which describes a database completely.

https://www.postgresql.org/docs/current/functions-info.html#FUNCTIONS-INFO-CATALOG
"""

import re
from collections import defaultdict

from sqlalchemy import Connection, text

from ..schema import Definition, Schema, TableName, known

# Objects of the application: neither part of the server nor of an extension.
HERE = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
# An object id is unique within its catalog only, whose own id is in `tableoid`.
FREE = (
    r"NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = \1.tableoid AND e.objid = \1.oid "
    r"AND e.deptype = 'e')"
)
# The name, with its schema unless that is the one in which names are looked up.
NAME = r"CASE n.nspname WHEN current_schema() THEN '' ELSE n.nspname || '.' END || \1"
SEQUENCE = (
    "format('CREATE SEQUENCE %s AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s', "
    "s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, "
    "CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)"
)


def query(sql: str) -> str:
    """Replace HERE, SEQUENCE, FREE(alias) and NAME(column) with SQL; the alias of the schemas is n."""
    sql = re.sub(r"\bHERE\b", lambda _: HERE, sql).replace(" SEQUENCE,", f" {SEQUENCE},")
    sql = re.sub(r"\bFREE\((\w+)\)", FREE, sql)
    return re.sub(r"\bNAME\(([\w.]+)\)", NAME, sql)


COLUMNS = text(
    query("""
    SELECT NAME(c.relname), a.attname, concat_ws(', ',
        format_type(a.atttypid, a.atttypmod),
        CASE WHEN a.attcollation <> t.typcollation THEN 'COLLATE ' || a.attcollation::regcollation END,
        CASE WHEN a.attnotnull THEN 'NOT NULL' ELSE 'NULL' END,
        CASE a.attidentity WHEN 'a' THEN 'identity always' WHEN 'd' THEN 'identity by default' END,
        CASE a.attgenerated WHEN '' THEN 'default ' ELSE 'computed ' || a.attgenerated::text || ' ' END
            || pg_get_expr(d.adbin, d.adrelid),
        'options ' || a.attoptions::text,
        CASE WHEN a.attstorage <> t.typstorage THEN 'storage ' || a.attstorage::text END,
        'rights ' || a.attacl::text,
        'comment ' || col_description(c.oid, a.attnum))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE c.relkind IN ('r', 'p', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND HERE AND FREE(c)
""")
)
# The parts of tables that are not columns. PostgreSQL 18 has names for NOT NULL constraints. They do not
# follow a rename and are left out.
PARTS = text(
    query("""
    SELECT NAME(c.relname), CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'f' THEN 'foreign key'
        WHEN 'u' THEN 'unique constraint' WHEN 'c' THEN 'check constraint' ELSE 'constraint' END,
        k.conname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype IN ('p', 'f', 'u', 'c', 'x') AND HERE AND FREE(c)
    UNION ALL
    SELECT NAME(c.relname), 'index', i.relname, pg_get_indexdef(i.oid)
        || CASE WHEN x.indisvalid THEN '' ELSE ', invalid' END
    FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND HERE AND FREE(c)
        AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT NAME(c.relname), 'sequence', s.seqrelid::regclass::text, concat_ws(', ', 'of ' || a.attname,
        s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
    FROM pg_sequence s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
        AND d.deptype IN ('a', 'i')
    JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE HERE AND FREE(c)
    UNION ALL
    SELECT NAME(c.relname), 'comment of', '', obj_description(c.oid, 'pg_class')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND obj_description(c.oid, 'pg_class') IS NOT NULL AND HERE AND FREE(c)
    UNION ALL
    SELECT NAME(c.relname), 'options of', '', concat_ws(', ', 'persistence ' || c.relpersistence::text,
        c.reloptions::text, 'rows of ' || pg_get_partkeydef(c.oid), 'identity ' || c.relreplident::text,
        CASE WHEN c.relrowsecurity THEN 'row security' END)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND HERE AND FREE(c)
        AND ROW(c.relpersistence, c.relreplident, c.relrowsecurity, c.reloptions, c.relkind)
            IS DISTINCT FROM ROW('p'::"char", 'd'::"char", false, NULL::text[], 'r'::"char")
""")
)
# All other objects, one row each.
OBJECTS = text(
    query("""
    SELECT 'view ' || NAME(c.relname), concat_ws(', ', pg_get_viewdef(c.oid), c.reloptions::text)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'v' AND HERE AND FREE(c)
    UNION ALL
    SELECT 'materialized view ' || NAME(c.relname), concat_ws(', ', pg_get_viewdef(c.oid),
        c.reloptions::text, (SELECT string_agg(pg_get_indexdef(x.indexrelid), ', ' ORDER BY
            x.indexrelid::regclass::text) FROM pg_index x WHERE x.indrelid = c.oid))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind = 'm' AND HERE AND FREE(c)
    UNION ALL
    SELECT 'sequence ' || NAME(c.relname), concat_ws(', ', s.seqtypid::regtype, s.seqstart,
        s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s ON s.seqrelid = c.oid
    WHERE HERE AND FREE(c) AND NOT EXISTS (SELECT FROM pg_depend d
        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'enum ' || NAME(t.typname),
        (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum
        WHERE enumtypid = t.oid)
    FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
    WHERE t.typtype = 'e' AND HERE AND FREE(t)
    UNION ALL
    SELECT 'function ' || NAME(p.proname) || '(' || pg_get_function_identity_arguments(p.oid) || ')',
        pg_get_functiondef(p.oid)
    FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE p.prokind IN ('f', 'p') AND HERE AND FREE(p)
    UNION ALL
    SELECT 'trigger ' || t.tgname || ' on ' || NAME(c.relname),
        concat_ws(', ', pg_get_triggerdef(t.oid), nullif(t.tgenabled, 'O'))
    FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE NOT t.tgisinternal AND HERE AND FREE(c)
    UNION ALL
    SELECT 'extension ' || x.extname, n.nspname
    FROM pg_extension x JOIN pg_namespace n ON n.oid = x.extnamespace WHERE x.extname <> 'plpgsql'
    UNION ALL
    SELECT 'schema ' || n.nspname, '' FROM pg_namespace n
    WHERE HERE AND n.nspname NOT IN ('public', current_schema())
    UNION ALL
    SELECT 'rights on ' || NAME(c.relname), string_agg(
        concat_ws(' ', r.grantee::regrole, r.privilege_type, r.is_grantable), ', '
            ORDER BY r.grantee, r.privilege_type)
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) r
    WHERE r.grantee <> c.relowner AND HERE AND FREE(c) GROUP BY n.nspname, c.relname
    UNION ALL
    SELECT 'comment on ' || o.type || ' ' || o.identity, d.description
    FROM pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
    WHERE d.objoid >= 16384 AND o.type NOT IN ('table', 'table column', 'extension')
        AND NOT EXISTS (SELECT FROM pg_depend e
            WHERE e.classid = d.classoid AND e.objid = d.objoid AND e.deptype = 'e')
""")
)
# Objects that this library cannot describe as SQL. They are reported by name, so that nothing in a database
# is lost silently. By catalog, each with a condition.
UNSUPPORTED = {
    "pg_type": "typtype IN ('d', 'r') OR typtype = 'c' AND EXISTS (SELECT FROM pg_class r "
    "WHERE r.oid = typrelid AND r.relkind = 'c') OR typtype = 'b' AND typcategory <> 'A'",
    "pg_proc": "prokind IN ('a', 'w') OR proacl IS NOT NULL",
    "pg_class": "relkind IN ('p', 'f') OR relispartition OR relrowsecurity OR EXISTS "
    "(SELECT FROM pg_inherits h WHERE h.inhrelid = k.oid)",
    "pg_namespace": "nspacl IS NOT NULL",
    "pg_rewrite": "rulename <> '_RETURN'",
} | dict.fromkeys(
    (
        "pg_policy",
        "pg_event_trigger",
        "pg_publication",
        "pg_cast",
        "pg_operator",
        "pg_opclass",
        "pg_opfamily",
        "pg_collation",
        "pg_conversion",
        "pg_statistic_ext",
        "pg_ts_config",
        "pg_ts_dict",
        "pg_ts_parser",
        "pg_ts_template",
        "pg_foreign_data_wrapper",
        "pg_foreign_server",
        "pg_default_acl",
        "pg_language",
        "pg_transform",
        "pg_am",
        "pg_largeobject_metadata",
    ),
    "true",
)
# The objects of an extension are created with it.
OF_EXTENSION = (
    "SELECT FROM pg_depend d WHERE d.classid = {0}::regclass AND d.objid = k.oid AND d.deptype = 'e'"
)


PARTITIONS = """
    SELECT nullif(n.nspname, current_schema()), c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relispartition AND c.relkind IN ('r', 'p', 'f')
"""
TABLES = text(
    query("""
    SELECT CASE WHEN NOT pg_table_is_visible(c.oid) THEN n.nspname END, c.relname
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND HERE AND FREE(c)
""")
)


def definitions(connection: Connection, ignoring: frozenset[str]) -> Schema:
    """Describe all tables and other objects, except the tables to be ignored."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for table, column, definition in connection.execute(COLUMNS):
        tables[table][f"column {table}.{column}"] = definition
    for table, kind, name, definition in connection.execute(PARTS):
        tables[table][f"{kind} {table}{'.' if name else ''}{name}"] = definition
    found = {f"table {name}": parts for name, parts in tables.items() if name not in ignoring}
    for name, definition in connection.execute(OBJECTS):
        found[name] = {name: definition}
    return {name: Definition(str(sorted(parts.items())), known(parts)) for name, parts in found.items()}


def partitions(connection: Connection) -> set[tuple[str | None, str]]:
    """Return schema (None for the default one) and name of each partition."""
    return {(schema, name) for schema, name in connection.exec_driver_sql(PARTITIONS)}


def list_tables(connection: Connection) -> set[TableName]:
    """Return the tables that are no partitions. Those in the search path have no schema."""
    return {(schema, name) for schema, name in connection.execute(TABLES)}


def unsupported_objects(connection: Connection) -> list[str]:
    """Return the names of objects that this library cannot describe as SQL.

    The object ids of the server's own objects are below 16384.
    """
    queries = [
        f"SELECT pg_describe_object('{catalogue}'::regclass, k.oid, 0) FROM {catalogue} k "  # noqa: S608
        f"WHERE k.oid >= 16384 AND ({condition}) AND NOT EXISTS ({OF_EXTENSION.format(repr(catalogue))})"
        for catalogue, condition in UNSUPPORTED.items()
    ]
    queries.append(
        query(
            "SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE a.attacl IS NOT NULL AND HERE AND FREE(c)"
        )
    )
    return sorted(connection.scalars(text(" UNION ALL ".join(queries))).all())


def estimate_rows(connection: Connection) -> dict[str, int]:
    """https://www.postgresql.org/docs/current/catalog-pg-class.html: -1 before a first ANALYZE."""
    estimates = query(
        "SELECT NAME(c.relname), CAST(c.reltuples AS bigint) FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm', 'p') AND HERE"
    )
    return {str(name): int(number) for name, number in connection.execute(text(estimates))}
