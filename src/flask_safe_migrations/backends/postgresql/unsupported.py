"""PostgreSQL: objects that this library cannot describe as SQL.

They are reported by name, so that nothing in a database is lost silently.
"""

from sqlalchemy import Connection, text

from .queries import query

# By catalog, each with a condition. The object ids of the server's own objects are below 16384.
KINDS = {
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
OWNED = "SELECT FROM pg_depend d WHERE d.classid = {0}::regclass AND d.objid = k.oid AND d.deptype = 'e'"


def beyond(connection: Connection) -> list[str]:
    queries = [
        f"SELECT pg_describe_object('{catalogue}'::regclass, k.oid, 0) FROM {catalogue} k "  # noqa: S608
        f"WHERE k.oid >= 16384 AND ({condition}) AND NOT EXISTS ({OWNED.format(repr(catalogue))})"
        for catalogue, condition in KINDS.items()
    ]
    queries.append(
        query(
            "SELECT pg_describe_object('pg_class'::regclass, a.attrelid, a.attnum) FROM pg_attribute a "
            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE a.attacl IS NOT NULL AND HERE AND FREE(c)"
        )
    )
    return sorted(connection.scalars(text(" UNION ALL ".join(queries))).all())
