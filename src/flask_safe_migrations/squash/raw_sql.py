"""SQL in a baseline, line by line as the engine has it."""

import re

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from ..backends.escaping import escaped

# For `flask db verify`, which cannot judge SQL.
SAFE = "# safe: a database that gets this baseline is new"


class Written(ops.MigrateOperation):
    """Statements, for one engine only where `dialects` says so."""

    def __init__(self, statements: list[str], dialects: tuple[str, ...] = ()) -> None:
        self.statements, self.dialects = statements, dialects


def lines(statements: list[str], dialects: tuple[str, ...] = ()) -> list[str]:
    """Only the beginning of each of these is to be indented: what is in a function stays as it is."""
    found = [line for sql in statements for line in (SAFE, execute(sql))]
    if not dialects:
        return found
    condition = f"== {dialects[0]!r}" if len(dialects) == 1 else f"in {dialects!r}"
    return [f"if op.get_context().dialect.name {condition}:", *(f"    {line}" for line in found)]


def execute(sql: str) -> str:
    # Of a statement, op.execute() makes :name a parameter.
    sql = escaped(sql)
    if "\n" not in sql or "\r" in sql:  # Python makes one line break of all kinds of them
        return f"op.execute({sql!r})"
    text = sql.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text = f'{text[:-1]}\\"'
    return f'op.execute("""{text}""")'


@renderers.dispatch_for(Written)
def _render(_context: AutogenContext, operation: Written) -> list[str]:
    return lines(operation.statements, operation.dialects)


def without_foreign_keys(statements: list[str], names: list[str]) -> list[str]:
    """Leave these out of what makes a table, where they stand on their own: SQLite does not mind them."""
    for name in names:
        own = rf'(ALTER TABLE \S+ ADD )?\s*CONSTRAINT [`"]?{re.escape(name)}[`"]? FOREIGN KEY'
        statements = [_without_line(sql, own) for sql in statements if not re.match(own, sql)]
    return statements


def _without_line(sql: str, own: str) -> str:
    found = sql.split("\n")
    if not sql.startswith("CREATE TABLE `"):  # MariaDB puts each on a line
        return sql
    kept = [line for line in found if not re.match(own, line)]
    if len(kept) < len(found) and kept[-1].startswith(")"):
        kept[-2] = kept[-2].rstrip(",")
    return "\n".join(kept)
