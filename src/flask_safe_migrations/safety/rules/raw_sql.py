"""Rules for SQL in a revision: changes to rows, and statements that no other rule can judge."""

import re
from collections.abc import Iterator

from alembic.operations import ops

from ..description import format_sql, shorten
from ..recorder import COMMENTS
from . import OperationContext, Violations, register_rule

NAME = r'[`"\[]?(?P<table>[\w.]+)[`"\]]?'
UPDATE = re.compile(rf"(?:UPDATE|REPLACE)\s+(?:ONLY\s+)?{NAME}", re.I)
DELETE = re.compile(rf"(?:DELETE\s+FROM|TRUNCATE(?:\s+TABLE)?)\s+(?:ONLY\s+)?{NAME}", re.I)
DROP_TABLE = re.compile(rf"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?{NAME}", re.I)
DROP_COLUMN = re.compile(
    rf"ALTER\s+TABLE\s+(?:IF\s+EXISTS\s+|ONLY\s+)*{NAME}\s+DROP\s+COLUMN\s+(?:IF\s+EXISTS\s+)?[`\"]?(?P<column>\w+)",
    re.I,
)
OTHER_STATEMENT = re.compile(
    rf"(?:ALTER\s+TABLE|INSERT\s+INTO|CREATE\s+(?:UNIQUE\s+)?INDEX\s+\S+\s+ON)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+|ONLY\s+)*{NAME}",
    re.I,
)
STATEMENT = re.compile(r"(?:'(?:[^']|'')*'|\"[^\"]*\"|[^;'\"])+")
ROUTINE = re.compile(
    r"\s*CREATE\s+(?:OR\s+REPLACE\s+)?(?:(?:TEMP|TEMPORARY|CONSTRAINT|AGGREGATE|DEFINER\s*=\s*\S+)\s+)*"
    r"(?:TRIGGER|FUNCTION|PROCEDURE|EVENT|PACKAGE)\b",
    re.I,
)
# Restricts a statement to a part of the rows: a range of keys, a number of rows, or one key.
BATCH = re.compile(
    r"\bLIMIT\b|\bBETWEEN\b|<=?.*\bAND\b.*>|>=?.*\bAND\b.*<|\bIN\s*\((?!\s*SELECT)|\bid[`\"]?\s*=", re.I
)
# What our messages recommend, what follows a rename, and what takes no lock that others wait for.
SAFE_PATTERNS = [
    r"ALTER\s+TABLE\s+\S+\s+VALIDATE\s+CONSTRAINT\s+\S+",
    r"ALTER\s+TABLE\s+\S+\s+(DROP\s+CONSTRAINT\s+\S+\s*,\s*)?ADD\s+(CONSTRAINT\s+\S+\s+)?(UNIQUE|PRIMARY\s+KEY)\s+USING\s+INDEX\s+\S+",
    r"ALTER\s+INDEX\s+\S+\s+RENAME\s+TO\s+\S+",
    r"ALTER\s+TABLE\s+\S+\s+RENAME\s+(CONSTRAINT|INDEX|KEY)\s+\S+\s+TO\s+\S+",
    r"SET\s+(LOCAL\s+|SESSION\s+)?\w+\s*(=|TO)\s*\S+",
    r"(SELECT|SHOW|EXPLAIN|PRAGMA|ANALYZE|SAVEPOINT|RELEASE)\b.*",
    r"INSERT\s+INTO\s.*\bVALUES\b.*",
    r"COMMENT\s+ON\s.*",
    r"CREATE\s+(OR\s+REPLACE\s+)?(EXTENSION|TYPE|VIEW|SEQUENCE|SCHEMA|TABLE|DOMAIN)\b(?!.*\bAS\s+SELECT\b.*\bINTO\b).*",
    r"ALTER\s+TYPE\s+\S+\s+ADD\s+VALUE\s.*",
    r"DROP\s+INDEX\s.*",
]
SAFE_STATEMENT = re.compile("|".join(f"(?:{pattern})" for pattern in SAFE_PATTERNS), re.I | re.S)
DDL = re.compile(r"(ALTER|CREATE|DROP)\b", re.I)


@register_rule(ops.ExecuteSQLOp)
def raw_sql(context: OperationContext) -> Violations:
    for sql in split_statements(context):
        if any(match and match["table"] in context.new_tables for match in _match_table(sql)):
            continue
        if match := UPDATE.match(sql):
            if not _in_batches(context, sql):
                yield "update_without_batches", {"table": match["table"]}
            if _changes_schema(context):
                yield "update_beside_ddl", {}
        elif match := DELETE.match(sql):
            yield "delete_rows", {"table": match["table"]}
        elif match := DROP_TABLE.match(sql):
            yield "drop_table", {"thing": match["table"]}
        elif match := DROP_COLUMN.match(sql):
            yield "drop_column", {"thing": f"{match['table']}.{match['column']}"}
        elif context.engine == "PostgreSQL" and _validates_in_same_transaction(context, sql):
            yield "validated_at_once", {}
        elif not SAFE_STATEMENT.fullmatch(sql):
            yield "raw_sql", {"thing": shorten(sql)}


def split_statements(context: OperationContext) -> Iterator[str]:
    """Split at semicolons outside of quotes; yield each statement without comments, in one line.

    What follows a routine or trigger belongs to it: its body has semicolons, too.
    """
    operation, dialect = context.operation, context.recorded.dialect
    text = (
        context.recorded.statements[0]
        if context.recorded.statements
        else format_sql(operation.sqltext, dialect)
    )
    for found in STATEMENT.finditer(text):
        sql = re.sub(rf"^{COMMENTS}", "", found[0], flags=re.S)
        has_body = ROUTINE.match(sql)
        if has_body:
            sql += text[found.end() :]
        if sql.strip():
            yield " ".join(sql.split())
        if has_body:
            break


def _match_table(sql: str) -> Iterator[re.Match[str] | None]:
    for pattern in (UPDATE, DELETE, DROP_TABLE, OTHER_STATEMENT):
        yield pattern.match(sql)


def _in_batches(context: OperationContext, sql: str) -> bool:
    """Whether it updates a batch of rows; PostgreSQL unlocks these only if each batch is committed."""
    commits = (
        context.recorded.autocommit or context.engine != "PostgreSQL" or re.search(r"\bid[`\"]?\s*=", sql)
    )
    return bool(commits and BATCH.search(sql.partition(" SET ")[2]))


def _changes_schema(context: OperationContext) -> bool:
    """Whether the revision changes the schema, too: PostgreSQL holds the locks of all statements to the end.

    The other engines commit each DDL statement, or lock the whole database anyway.
    """
    if context.engine != "PostgreSQL" or context.recorded.autocommit:
        return False
    others = [found for found in context.all_operations if found is not context.recorded]
    return any(DDL.match(sql.lstrip()) for recorded in others for sql in recorded.statements)


def _validates_in_same_transaction(context: OperationContext, sql: str) -> bool:
    match = re.search(r"VALIDATE\s+CONSTRAINT\s+(\S+)", sql, re.I)
    if not match or context.recorded.autocommit:
        return False
    name = match[1].strip('"')
    texts = [text for recorded in context.all_operations for text in recorded.statements]
    return any("NOT VALID" in text.upper() and name in text for text in texts)
