"""PostgreSQL: objects that refer to other objects and are created last."""

from sqlalchemy import text

from .queries import query

# Indexes of materialized views, triggers, privileges and comments.
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
        AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = d.objoid AND e.deptype = 'e')
""")
)
