"""What is dangerous on every engine. The messages stand in messages.py."""

from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from ..case import Case, Found, judges
from ..column_types import loses


@judges(ops.DropColumnOp)
def drop_column(case: Case) -> Found:
    if not case.is_new and (case.table, case.operation.column_name) not in case.new_columns:
        yield "drop_column", {}


@judges(ops.DropTableOp)
def drop_table(case: Case) -> Found:
    if not case.is_new:
        yield "drop_table", {}


@judges(ops.AlterColumnOp)
def rename_column(case: Case) -> Found:
    new = case.operation.modify_name
    if new and not case.is_new and (case.table, case.operation.column_name) not in case.new_columns:
        yield "rename_column", {}


@judges(ops.RenameTableOp)
def rename_table(case: Case) -> Found:
    if not case.is_new and not _view_under_old_name(case):
        yield "rename_table", {}


def _view_under_old_name(case: Case) -> bool:
    """Code that still runs can go on; on SQLite it could not write."""
    wanted = f"view {case.table} as".casefold()
    texts = (" ".join(sql.split()).casefold() for found in case.everything for sql in found.statements)
    return case.engine != "SQLite" and any(wanted in text.replace('"', "").replace("`", "") for text in texts)


@judges(ops.AddColumnOp)
def required_column(case: Case) -> Found:
    column = case.operation.column
    filled = column.server_default is not None or column.computed is not None or column.identity is not None
    if not case.is_new and not column.nullable and not filled and not _numbered(case):
        yield "required_column", {}


def _numbered(case: Case) -> bool:
    return any("SERIAL" in sql.upper() or "AUTO_INCREMENT" in sql.upper() for sql in case.recorded.statements)


@judges(ops.AlterColumnOp)
def narrow_type(case: Case) -> Found:
    operation = case.operation
    if operation.modify_type is None or case.is_new:
        return
    old, new = types(case)
    if old is None or (case.type_name(old) == case.type_name(new) and not isinstance(new, sa.Enum)):
        return
    if isinstance(old, sa.Enum) and isinstance(new, sa.Enum):
        if removed := [value for value in old.enums if value not in new.enums]:
            yield "remove_enum_value", {"values": ", ".join(map(repr, removed))}
    elif loses(old, new):
        yield "narrow_type", {"old": case.type_name(old), "new": case.type_name(new)}


def types(case: Case) -> tuple[Any, Any]:
    """Return the type a column has and the one it gets; the values of an enum are known to the revision."""
    operation = case.operation
    new = sa.types.to_instance(operation.modify_type)
    if isinstance(new, sa.Enum) and isinstance(operation.existing_type, sa.Enum):
        return operation.existing_type, new
    column = case.column(operation.column_name)
    return (column.type if column is not None else operation.existing_type), new


@judges(ops.MigrateOperation)
def remove_enum_value(case: Case) -> Found:
    """The operations of alembic-postgresql-enum."""
    old, new = (getattr(case.operation, name, None) for name in ("old_values", "new_values"))
    if isinstance(old, list) and isinstance(new, list) and (removed := [v for v in old if v not in new]):
        yield (
            "remove_enum_value",
            {
                "thing": getattr(case.operation, "name", "…"),
                "values": ", ".join(map(repr, removed)),
            },
        )


@judges(ops.CreatePrimaryKeyOp)
def new_primary_key(case: Case) -> Found:
    if not case.is_new:
        yield "primary_key", {}


@judges(ops.DropConstraintOp)
def dropped_primary_key(case: Case) -> Found:
    if case.operation.constraint_type == "primary" and not case.is_new:
        yield "primary_key", {}
