"""Words that queries of PostgreSQL's catalogue have in common."""

import re

# What is the application's: not the server's own, and not brought along by an extension.
HERE = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
FREE = r"NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = \1.oid AND e.deptype = 'e')"
# With its schema, where that is not the one in which names are looked up.
NAME = r"CASE n.nspname WHEN current_schema() THEN '' ELSE n.nspname || '.' END || \1"
SEQUENCE = (
    "format('CREATE SEQUENCE %s AS %s START %s INCREMENT %s MINVALUE %s MAXVALUE %s CACHE %s%s', "
    "s.seqrelid::regclass, s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, "
    "CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END)"
)


def query(sql: str) -> str:
    """Put in what HERE, SEQUENCE, FREE(alias) and NAME(column) stand for; schemas have the alias n."""
    sql = re.sub(r"\bHERE\b", lambda _: HERE, sql).replace(" SEQUENCE,", f" {SEQUENCE},")
    sql = re.sub(r"\bFREE\((\w+)\)", FREE, sql)
    return re.sub(r"\bNAME\(([\w.]+)\)", NAME, sql)
