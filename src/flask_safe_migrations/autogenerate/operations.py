"""What the files of this folder have in common about Alembic's operations."""

from typing import Any

from alembic.operations import ops
from sqlalchemy import Column


def dotted(*names: str | None) -> str:
    """Return a table's or a column's name; without a schema where there is none."""
    return ".".join(str(name) for name in names if name)


def altered(table: ops.ModifyTableOps, column: Column[Any], **change: Any) -> ops.AlterColumnOp:
    """Return a change of a column, with all that MariaDB has to be told again about what stays."""
    existing = {
        "existing_type": column.type,
        "existing_nullable": column.nullable,
        "existing_server_default": column.server_default or False,
        "existing_comment": column.comment,
    }
    return ops.AlterColumnOp(table.table_name, column.name, schema=table.schema, **(existing | change))
