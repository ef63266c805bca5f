"""Render operations that Alembic cannot render by itself."""

from typing import Any

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from sqlalchemy import DefaultClause, TextClause

from .. import _compat
from ..backends.escaping import escaped
from .compare.enums import render_type


def render_item(kind: str, thing: Any, context: AutogenContext) -> str | bool:
    """Render an item, as `render_item` of context.configure()."""
    if kind == "server_default" and isinstance(thing, DefaultClause):
        if isinstance(thing.arg, str):
            return repr(str(thing.arg))  # Alembic would strip a quote at either end
        if thing.reflected and isinstance(thing.arg, TextClause):  # exactly as the server reported it
            return f"sa.text({escaped(thing.arg.text)!r})"
    return render_type(kind, thing, context) if kind == "type" else False


@renderers.dispatch_for(ops.RenameTableOp)
def _rename_table(_context: Any, operation: ops.RenameTableOp) -> str:
    schema = f", schema={operation.schema!r}" if operation.schema else ""
    return f"op.rename_table({operation.table_name!r}, {operation.new_table_name!r}{schema})"


@renderers.dispatch_for(ops.AlterColumnOp, replace=True)
def _alter_column(context: Any, operation: ops.AlterColumnOp) -> str:
    text = _compat.render_alter_column(context, operation)
    using = operation.kw.get("postgresql_using")
    return f"{text[:-1]}, postgresql_using={using!r})" if using else text
