"""Describes what each operation does, in a sentence of plain English, and formats the parts of one."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .. import _compat
from ..backends.schema import qualify
from .recorder import RecordedOperation, get_table_name


def describe(operations: Iterable[RecordedOperation]) -> list[str]:
    """Return the lines for each operation, such as "adds column users.email (VARCHAR(50), nullable)"."""
    return [line for recorded in operations for line in _describe_operation(recorded)]


def _describe_operation(recorded: RecordedOperation) -> list[str]:
    operation = recorded.operation
    for kind in type(operation).__mro__:
        if describe_kind := DESCRIPTIONS.get(kind):
            description = describe_kind(operation, recorded)
            return [description] if isinstance(description, str) else description
    name = type(operation).__name__.removesuffix("Op")
    table, _schema = get_table_name(operation)
    return [" ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+", name)).lower() + table_suffix(table)]


def _create_table(operation: ops.CreateTableOp, _recorded: RecordedOperation) -> str:
    columns = [item for item in operation.columns if isinstance(item, sa.Column)]
    return f"creates table {format_table_name(operation)} ({join_names(columns)})"


def _add_column(operation: ops.AddColumnOp, recorded: RecordedOperation) -> str:
    column = operation.column
    details = format_column(column, recorded.dialect)
    return f"adds column {format_table_name(operation)}.{column.name} ({details})"


def _alter_column(operation: ops.AlterColumnOp, recorded: RecordedOperation) -> list[str]:
    column = f"{format_table_name(operation)}.{operation.column_name}"
    lines = []
    if operation.modify_name:
        lines.append(f"renames column {column} to {operation.modify_name}")
    if operation.modify_type is not None:
        lines.append(f"changes the type of {column}{_format_type_change(operation, recorded)}")
    if operation.modify_nullable is not None:
        lines.append(f"makes {column} {'nullable' if operation.modify_nullable else 'required (NOT NULL)'}")
    default = operation.modify_server_default
    if default is None:
        lines.append(f"drops the default of {column}")
    elif isinstance(default, sa.Computed):
        lines.append(f"computes {column} as {format_sql(default.sqltext, recorded.dialect)}")
    elif isinstance(default, sa.Identity):
        lines.append(f"lets the database number {column}")
    elif default is not False:
        lines.append(f"gives {column} the default {format_default(default, recorded.dialect)}")
    if operation.modify_comment is None:
        lines.append(f"drops the comment of {column}")
    elif operation.modify_comment is not False:
        lines.append(f"comments {column}: {operation.modify_comment}")
    return lines or [f"leaves {column} as it is"]


def _format_type_change(operation: ops.AlterColumnOp, recorded: RecordedOperation) -> str:
    old = _get_old_type(operation, recorded)
    before = f" from {format_type(old, recorded.dialect)}" if old is not None else ""
    return f"{before} to {format_type(operation.modify_type, recorded.dialect)}"


def _get_old_type(operation: ops.AlterColumnOp, recorded: RecordedOperation) -> Any:
    """Return the current type of a column: as the database has it, else as the revision gives it."""
    table = recorded.table
    if table is not None and operation.column_name in table.columns:
        return table.columns[operation.column_name].type
    return operation.existing_type


def _create_index(operation: ops.CreateIndexOp, recorded: RecordedOperation) -> str:
    columns = ", ".join(format_sql(column, recorded.dialect) for column in operation.columns)
    unique = ", unique" if operation.unique else ""
    where = next((value for key, value in operation.kw.items() if key.endswith("_where")), None)
    only = f", only where {format_sql(where, recorded.dialect)}" if where is not None else ""
    return f"creates index {operation.index_name} on {format_table_name(operation)} ({columns}){unique}{only}"


def _drop_index(operation: ops.DropIndexOp, _recorded: RecordedOperation) -> str:
    return f"drops index {operation.index_name}{table_suffix(operation.table_name)}"


def _foreign_key(operation: ops.CreateForeignKeyOp, _recorded: RecordedOperation) -> str:
    referred = qualify((operation.kw.get("referent_schema"), operation.referent_table))
    return (
        f"adds foreign key{name_suffix(operation.constraint_name)}: "
        f"{format_table_name(operation)} ({join_names(operation.local_cols)}) refers to "
        f"{referred} ({join_names(operation.remote_cols)})"
    )


def _unique(operation: ops.CreateUniqueConstraintOp, _recorded: RecordedOperation) -> str:
    name = name_suffix(operation.constraint_name)
    return f"adds unique constraint{name} on {format_table_name(operation)} ({join_names(operation.columns)})"


def _primary_key(operation: ops.CreatePrimaryKeyOp, _recorded: RecordedOperation) -> str:
    name = name_suffix(operation.constraint_name)
    return f"adds primary key{name} on {format_table_name(operation)} ({join_names(operation.columns)})"


def _check(operation: ops.CreateCheckConstraintOp, recorded: RecordedOperation) -> str:
    condition = format_sql(operation.condition, recorded.dialect)
    return (
        f"adds check{name_suffix(operation.constraint_name)} on {format_table_name(operation)}: {condition}"
    )


def _drop_constraint(operation: ops.DropConstraintOp, _recorded: RecordedOperation) -> str:
    kinds = {"foreignkey": "foreign key", "primary": "primary key", "unique": "unique constraint"}
    kind = kinds.get(str(operation.constraint_type), operation.constraint_type or "constraint")
    return f"drops {kind} {operation.constraint_name} on {format_table_name(operation)}"


def _table_comment(operation: ops.CreateTableCommentOp, _recorded: RecordedOperation) -> str:
    return f"comments table {format_table_name(operation)}: {operation.comment}"


def _execute(operation: ops.ExecuteSQLOp, recorded: RecordedOperation) -> str:
    return f"runs SQL: {shorten(format_sql(operation.sqltext, recorded.dialect))}"


def _insert(operation: ops.BulkInsertOp, _recorded: RecordedOperation) -> str:
    n = len(operation.rows)
    return f"puts {n} row{'' if n == 1 else 's'} into {operation.table.name}"


DESCRIPTIONS: dict[type, Callable[[Any, RecordedOperation], str | list[str]]] = {
    ops.CreateTableOp: _create_table,
    ops.DropTableOp: lambda operation, _: f"drops table {format_table_name(operation)}",
    ops.RenameTableOp: lambda operation, _: (
        f"renames table {format_table_name(operation)} to {operation.new_table_name}"
    ),
    ops.AddColumnOp: _add_column,
    ops.DropColumnOp: lambda operation, _: (
        f"drops column {format_table_name(operation)}.{operation.column_name}"
    ),
    ops.AlterColumnOp: _alter_column,
    ops.CreateIndexOp: _create_index,
    ops.DropIndexOp: _drop_index,
    ops.CreateForeignKeyOp: _foreign_key,
    ops.CreateUniqueConstraintOp: _unique,
    ops.CreatePrimaryKeyOp: _primary_key,
    ops.CreateCheckConstraintOp: _check,
    ops.DropConstraintOp: _drop_constraint,
    ops.CreateTableCommentOp: _table_comment,
    ops.DropTableCommentOp: lambda operation, _: f"drops the comment of table {format_table_name(operation)}",
    ops.ExecuteSQLOp: _execute,
    ops.BulkInsertOp: _insert,
}


def format_table_name(operation: Any) -> str:
    name, schema = get_table_name(operation)
    return f"{schema}.{name}" if schema else str(name or "…")


def format_type(type_: Any, dialect: sa.Dialect | None) -> str:
    """Return a type as the engine writes it, or as Python does where the engine does not know it."""
    try:
        return str(sa.types.to_instance(type_).compile(dialect=dialect))
    except Exception:  # noqa: BLE001 - a type of another package or engine
        return str(type_)


def format_sql(clause: Any, dialect: sa.Dialect | None) -> str:
    """Return SQL in one line, with literal values where possible."""
    if isinstance(clause, str):
        return " ".join(clause.split())
    try:
        text = str(clause.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except Exception:  # noqa: BLE001 - a value that has no literal
        text = str(clause)
    return " ".join(text.split())


def join_names(columns: Iterable[Any]) -> str:
    return ", ".join(str(getattr(column, "name", None) or column) for column in columns)


def table_suffix(table: str | None) -> str:
    return f" on {table}" if table else ""


def name_suffix(name: Any) -> str:
    return f" {name}" if name else ""


def format_default(default: Any, dialect: sa.Dialect | None) -> str:
    default = getattr(default, "arg", default)
    return repr(default) if isinstance(default, str) else format_sql(default, dialect)


def format_column(column: sa.Column[Any], dialect: sa.Dialect | None) -> str:
    parts = [format_type(column.type, dialect), "nullable" if column.nullable else "required"]
    if column.computed is not None:
        parts.append(f"computed as {format_sql(column.computed.sqltext, dialect)}")
    elif column.identity is not None:
        parts.append("numbered by the database")
    elif column.server_default is not None:
        parts.append(f"default {format_default(column.server_default, dialect)}")
    parts += [f"refers to {_compat.referenced_column(key)}" for key in column.foreign_keys]
    return ", ".join(parts)


def shorten(text: str) -> str:
    """Return at most 100 characters of a text."""
    return text if len(text) <= 100 else f"{text[:99]}…"
