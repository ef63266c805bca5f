"""How operations are written into a revision that Alembic cannot write by itself."""

from typing import Any

from alembic.autogenerate import render, renderers
from alembic.operations import ops


@renderers.dispatch_for(ops.RenameTableOp)
def _rename_table(_context: Any, operation: ops.RenameTableOp) -> str:
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    return f"op.rename_table({operation.table_name!r}, {operation.new_table_name!r}{schema})"


@renderers.dispatch_for(ops.AlterColumnOp, replace=True)
def _alter_column(context: Any, operation: ops.AlterColumnOp) -> str:
    text = render._alter_column(context, operation)
    using = operation.kw.get("postgresql_using")
    return f"{text[:-1]}, postgresql_using={using!r})" if using else text
