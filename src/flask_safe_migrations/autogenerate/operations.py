"""Helpers for Alembic's operations."""

from typing import Any

from alembic.operations import ops
from sqlalchemy import Column


def dotted(*names: str | None) -> str:
    """Return the name of a table or column, without the schema if there is none."""
    return ".".join(str(name) for name in names if name)


def altered(table: ops.ModifyTableOps, column: Column[Any], **change: Any) -> ops.AlterColumnOp:
    """Return a change of a column, including the unchanged properties, which MariaDB requires."""
    existing = {
        "existing_type": column.type,
        "existing_nullable": column.nullable,
        "existing_server_default": column.server_default or False,
        "existing_comment": column.comment,
    }
    return ops.AlterColumnOp(table.table_name, column.name, schema=table.schema, **(existing | change))
