"""SQL statements of a revision with their reversal, rendered as plain op.execute()."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.operations import ops

from ..backends.escaping import escaped


class ReversibleSQLOp(ops.MigrateOperation):
    def __init__(self, statements: list[str], back: list[str], *, first: bool = True) -> None:
        """Create the operation.

        :param first: run before the table operations, and in the downgrade after them; otherwise the reverse.
        """
        self.statements, self.back, self.first = statements, back, first

    def reverse(self) -> "ReversibleSQLOp":
        return ReversibleSQLOp(self.back, self.statements, first=not self.first)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("execute", *self.statements)


@renderers.dispatch_for(ReversibleSQLOp)
def _render(_context: Any, operation: ReversibleSQLOp) -> list[str]:
    return [f"op.execute({escaped(sql)!r})" for sql in operation.statements]
