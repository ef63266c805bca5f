"""Empties a PostgreSQL database as a user who owns its content and nothing else."""

from sqlalchemy import Connection, text

# DROP OWNED would also revoke the user's privileges on other databases. Objects late in this order may
# already have been dropped together with earlier ones.
OWNED = text("""
    SELECT 'SCHEMA', quote_ident(nspname) FROM pg_namespace
        WHERE nspowner = current_user::regrole AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'public'
    UNION ALL
    SELECT 'EXTENSION', quote_ident(extname) FROM pg_extension WHERE extowner = current_user::regrole
        AND extname <> 'plpgsql'
    UNION ALL
    SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'S' THEN 'SEQUENCE'
            WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.oid::regclass::text
        FROM pg_class c WHERE relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND relowner = current_user::regrole
        AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')  -- of an IDENTITY
    UNION ALL
    SELECT 'TYPE', t.oid::regtype::text FROM pg_type t
        WHERE typtype IN ('e', 'd', 'r') AND typowner = current_user::regrole
        AND typnamespace = 'public'::regnamespace
    UNION ALL
    SELECT 'ROUTINE', p.oid::regprocedure::text FROM pg_proc p
        WHERE proowner = current_user::regrole AND pronamespace = 'public'::regnamespace
""")


def clear(connection: Connection) -> None:
    for kind, name in connection.execute(OWNED).all():
        connection.exec_driver_sql(f"DROP {kind} IF EXISTS {name} CASCADE")
    connection.commit()
