"""SQL statements in a baseline, written as calls of op.execute()."""

import re

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..backends.escaping import escaped

# Accepts the statement for `flask db verify`, which cannot check SQL.
SAFE = "# safe: a database that gets this baseline is new"


class RawSQLOp(ops.MigrateOperation):
    """SQL statements; with `dialects`, for these databases only."""

    def __init__(self, statements: list[str], dialects: tuple[str, ...] = ()) -> None:
        self.statements, self.dialects = statements, dialects


def render_statements(statements: list[str], dialects: tuple[str, ...] = ()) -> list[str]:
    """Return code, one statement in an item. Indent only its first line: the rest may be a function body."""
    code = [line for sql in statements for line in (SAFE, render_execute(sql))]
    if not dialects:
        return code
    condition = f"== {dialects[0]!r}" if len(dialects) == 1 else f"in {dialects!r}"
    return [f"if op.get_context().dialect.name {condition}:", *(f"    {line}" for line in code)]


def render_execute(sql: str) -> str:
    """Return the call of op.execute() that runs exactly this SQL."""
    # op.execute() reads :name as a parameter.
    sql = escaped(sql)
    if "\n" not in sql or "\r" in sql:  # Python would read \r\n in a literal as \n
        return f"op.execute({sql!r})"
    text = sql.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text = f'{text[:-1]}\\"'
    return f'op.execute("""{text}""")'


@renderers.dispatch_for(RawSQLOp)
def _render(_context: AutogenContext, operation: RawSQLOp) -> list[str]:
    return render_statements(operation.statements, operation.dialects)


def without_foreign_keys(statements: list[str], names: list[str]) -> list[str]:
    """Remove these foreign keys from the statements that create a table.

    On SQLite they stay: a table may refer to one that does not exist yet.
    """
    for name in names:
        pattern = rf'(ALTER TABLE \S+ ADD )?\s*CONSTRAINT [`"]?{re.escape(name)}[`"]? FOREIGN KEY'
        statements = [_without_line(sql, pattern) for sql in statements if not re.match(pattern, sql)]
    return statements


def _without_line(sql: str, pattern: str) -> str:
    lines = sql.split("\n")
    if not sql.startswith("CREATE TABLE `"):  # MariaDB writes each constraint on a line of its own
        return sql
    kept = [line for line in lines if not re.match(pattern, line)]
    if len(kept) < len(lines) and kept[-1].startswith(")"):
        kept[-2] = kept[-2].rstrip(",")
    return "\n".join(kept)
