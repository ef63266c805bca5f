"""SQL that a revision runs itself: rows that change, and statements that no rule can judge."""

import re
from collections.abc import Iterator

from alembic.operations import ops

from ..case import Case, Found, judges
from ..formatting import plain_sql
from ..recorder import COMMENTS

NAME = r'[`"\[]?(?P<table>[\w.]+)[`"\]]?'
UPDATE = re.compile(rf"(?:UPDATE|REPLACE)\s+(?:ONLY\s+)?{NAME}", re.I)
DELETE = re.compile(rf"(?:DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+(?:ONLY\s+)?{NAME}", re.I)
DROP_TABLE = re.compile(rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}", re.I)
DROP_COLUMN = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+|ONLY\s+)*{NAME}\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?[`\"]?(?P<column>\w+)",
    re.I,
)
ABOUT = re.compile(
    rf"(?:ALTER\s+TABLE|INSERT\s+INTO|CREATE\s+(?:UNIQUE\s+)?INDEX\s+\S+\s+ON)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+|ONLY\s+)*{NAME}",
    re.I,
)
# A part of the rows: a range of keys, a number of rows, or one key.
BATCH = re.compile(
    r"\bLIMIT\b|\bBETWEEN\b|<=?.*\bAND\b.*>|>=?.*\bAND\b.*<|\bIN\s*\((?!\s*SELECT)|\bid[`\"]?\s*=", re.I
)
# What the messages recommend, and what changes nothing that people wait for.
HARMLESS = [
    r"ALTER\s+TABLE\s+\S+\s+VALIDATE\s+CONSTRAINT\s+\S+",
    r"ALTER\s+TABLE\s+\S+\s+(DROP\s+CONSTRAINT\s+\S+\s*,\s*)?ADD\s+(CONSTRAINT\s+\S+\s+)?(UNIQUE|PRIMARY\s+KEY)\s+USING\s+INDEX\s+\S+",
    r"SET\s+(LOCAL\s+|SESSION\s+)?\w+\s*(=|TO)\s*\S+",
    r"(SELECT|SHOW|EXPLAIN|PRAGMA|ANALYZE|SAVEPOINT|RELEASE)\b.*",
    r"INSERT\s+INTO\s.*\bVALUES\b.*",
    r"COMMENT\s+ON\s.*",
    r"CREATE\s+(OR\s+REPLACE\s+)?(EXTENSION|TYPE|VIEW|SEQUENCE|SCHEMA|TABLE|DOMAIN)\b(?!.*\bAS\s+SELECT\b.*\bINTO\b).*",
    r"ALTER\s+TYPE\s+\S+\s+ADD\s+VALUE\s.*",
    r"DROP\s+INDEX\s.*",
]
SAFE = re.compile("|".join(f"(?:{pattern})" for pattern in HARMLESS), re.I | re.S)
DDL = re.compile(r"(ALTER|CREATE|DROP)\b", re.I)


@judges(ops.ExecuteSQLOp)
def raw_sql(case: Case) -> Found:
    for sql in statements_of(case):
        if any(match and match["table"] in case.new_tables for match in _mentions(sql)):
            continue
        if match := UPDATE.match(sql):
            if not _in_batches(case, sql):
                yield "update_without_batches", {"table": match["table"]}
            if _beside_ddl(case):
                yield "update_beside_ddl", {}
        elif match := DELETE.match(sql):
            yield "delete_rows", {"table": match["table"]}
        elif match := DROP_TABLE.match(sql):
            yield "drop_table", {"thing": match["table"]}
        elif match := DROP_COLUMN.match(sql):
            yield "drop_column", {"thing": f"{match['table']}.{match['column']}"}
        elif case.engine == "PostgreSQL" and _validates_at_once(case, sql):
            yield "validated_at_once", {}
        elif not SAFE.fullmatch(sql):
            yield "raw_sql", {"thing": sql if len(sql) <= 100 else f"{sql[:99]}…"}


def statements_of(case: Case) -> Iterator[str]:
    """Split at semicolons that stand outside of quotes; without comments, in one line."""
    operation, dialect = case.operation, case.recorded.dialect
    text = case.recorded.statements[0] if case.recorded.statements else plain_sql(operation.sqltext, dialect)
    for part in re.findall(r"(?:'(?:[^']|'')*'|\"[^\"]*\"|[^;'\"])+", text):
        if sql := " ".join(re.sub(rf"^{COMMENTS}", "", part, flags=re.S).split()):
            yield sql


def _mentions(sql: str) -> Iterator[re.Match[str] | None]:
    for pattern in (UPDATE, DELETE, DROP_TABLE, ABOUT):
        yield pattern.match(sql)


def _in_batches(case: Case, sql: str) -> bool:
    """On PostgreSQL a batch frees its rows only where it is committed by itself."""
    by_itself = case.recorded.autocommit or case.engine != "PostgreSQL" or re.search(r"\bid[`\"]?\s*=", sql)
    return bool(by_itself and BATCH.search(sql.partition(" SET ")[2]))


def _beside_ddl(case: Case) -> bool:
    """PostgreSQL holds the locks of all statements until the end; the others commit DDL, or lock it all."""
    if case.engine != "PostgreSQL" or case.recorded.autocommit:
        return False
    others = [found for found in case.everything if found is not case.recorded]
    return any(DDL.match(sql.lstrip()) for found in others for sql in found.statements)


def _validates_at_once(case: Case, sql: str) -> bool:
    match = re.search(r"VALIDATE\s+CONSTRAINT\s+(\S+)", sql, re.I)
    if not match or case.recorded.autocommit:
        return False
    name = match[1].strip('"')
    texts = [text for found in case.everything for text in found.statements]
    return any("NOT VALID" in text.upper() and name in text for text in texts)
