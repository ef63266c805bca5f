"""Operations of a revision beyond Alembic's, and the rendering of those that Alembic does not render."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.operations import ops
from sqlalchemy import Column, TextClause, text

from .. import _compat
from ..backends.escaping import escaped


def qualified_name(*names: str | None) -> str:
    """Return the dotted name of a table or column, without the schema if there is none."""
    return ".".join(str(name) for name in names if name)


def alter_column(table: ops.ModifyTableOps, column: Column[Any], **change: Any) -> ops.AlterColumnOp:
    """Return a change of a column, including the unchanged properties, which MariaDB requires."""
    existing = {
        "existing_type": column.type,
        "existing_nullable": column.nullable,
        "existing_server_default": column.server_default or False,
        "existing_comment": column.comment,
    }
    return ops.AlterColumnOp(table.table_name, column.name, schema=table.schema, **(existing | change))


def escape_bind_params(sql: str) -> TextClause:
    """Escape the colons in SQL that a server reported: they are not bind parameters, as in '{"a":1}'."""
    return text(escaped(sql))


class ReversibleSQLOp(ops.MigrateOperation):
    """SQL statements with their reversal, rendered as plain op.execute()."""

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
def _render_sql(_context: Any, operation: ReversibleSQLOp) -> list[str]:
    return [f"op.execute({escaped(sql)!r})" for sql in operation.statements]


@renderers.dispatch_for(ops.RenameTableOp)
def _render_rename_table(_context: Any, operation: ops.RenameTableOp) -> str:
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    return f"op.rename_table({operation.table_name!r}, {operation.new_table_name!r}{schema})"


@renderers.dispatch_for(ops.AlterColumnOp, replace=True)
def _render_alter_column(context: Any, operation: ops.AlterColumnOp) -> str:
    """Add the USING clause, which Alembic does not render."""
    text = _compat.render_alter_column(context, operation)
    using = operation.kw.get("postgresql_using")
    return f"{text[:-1]}, postgresql_using={using!r})" if using else text
