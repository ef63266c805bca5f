"""Common parts of queries on PostgreSQL's catalog."""

import re

# Objects of the application: neither part of the server nor of an extension.
HERE = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
FREE = r"NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = \1.oid AND e.deptype = 'e')"
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
