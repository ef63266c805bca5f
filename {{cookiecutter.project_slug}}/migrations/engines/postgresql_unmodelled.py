"""PostgreSQL: what is in a database and cannot be in a model, in words; not what extensions brought along."""

OURS = "NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_'"
OWNED = "SELECT objid FROM pg_depend WHERE deptype = 'e'"

QUERY = f"""
    SELECT 'trigger ' || tgname || ' of ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'foreign table ' END
        || c.oid::regclass
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('v', 'm', 'f') AND nspname {OURS} AND c.oid NOT IN ({OWNED})
    UNION ALL
    SELECT 'function ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace
    WHERE nspname {OURS} AND p.oid NOT IN ({OWNED})
    UNION ALL
    SELECT CASE typtype WHEN 'd' THEN 'domain ' ELSE 'type ' END || t.oid::regtype
    FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace LEFT JOIN pg_class c ON c.oid = typrelid
    WHERE (typtype = 'd' OR (typtype = 'c' AND relkind = 'c')) AND nspname {OURS} AND t.oid NOT IN ({OWNED})
    UNION ALL
    SELECT 'rule ' || rulename || ' of ' || ev_class::regclass FROM pg_rewrite WHERE rulename <> '_RETURN'
        AND ev_class::regclass::text !~ '^pg_'
    UNION ALL
    SELECT 'policy ' || polname || ' of ' || polrelid::regclass FROM pg_policy
    UNION ALL
    SELECT 'table ' || inhrelid::regclass || ' as a part of ' || inhparent::regclass
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE relkind IN ('r', 'p')
    UNION ALL
    SELECT 'extension ' || extname FROM pg_extension WHERE extname <> 'plpgsql'
"""  # noqa: S608
