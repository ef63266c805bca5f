"""What an operation does, in plain words."""

import re
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops

from .formatting import called, names, on, plain_sql, spelled_column, spelled_default, table_name, type_name
from .recorder import Recorded
from .tables import table_of


def describe(recorded: Iterable[Recorded]) -> list[str]:
    """Return a line or more for each operation, such as "adds column users.email (VARCHAR(50), nullable)"."""
    return [line for found in recorded for line in _lines(found)]


def _lines(recorded: Recorded) -> list[str]:
    operation = recorded.operation
    for kind in type(operation).__mro__:
        if words := WORDS.get(kind):
            said = words(operation, recorded)
            return [said] if isinstance(said, str) else said
    name = type(operation).__name__.removesuffix("Op")
    table, _schema = table_of(operation)
    return [" ".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+", name)).lower() + on(table)]


def _create_table(operation: ops.CreateTableOp, _recorded: Recorded) -> str:
    columns = [item for item in operation.columns if isinstance(item, sa.Column)]
    return f"creates table {table_name(operation)} ({names(columns)})"


def _add_column(operation: ops.AddColumnOp, recorded: Recorded) -> str:
    column = operation.column
    return f"adds column {table_name(operation)}.{column.name} ({spelled_column(column, recorded.dialect)})"


def _alter_column(operation: ops.AlterColumnOp, recorded: Recorded) -> list[str]:
    column = f"{table_name(operation)}.{operation.column_name}"
    said = []
    if operation.modify_name:
        said.append(f"renames column {column} to {operation.modify_name}")
    if operation.modify_type is not None:
        said.append(f"changes the type of {column}{_from_to(operation, recorded)}")
    if operation.modify_nullable is not None:
        said.append(f"makes {column} {'nullable' if operation.modify_nullable else 'required (NOT NULL)'}")
    default = operation.modify_server_default
    if default is None:
        said.append(f"drops the default of {column}")
    elif isinstance(default, sa.Computed):
        said.append(f"computes {column} as {plain_sql(default.sqltext, recorded.dialect)}")
    elif isinstance(default, sa.Identity):
        said.append(f"lets the database number {column}")
    elif default is not False:
        said.append(f"gives {column} the default {spelled_default(default, recorded.dialect)}")
    if operation.modify_comment is None:
        said.append(f"drops the comment of {column}")
    elif operation.modify_comment is not False:
        said.append(f"comments {column}: {operation.modify_comment}")
    return said or [f"leaves {column} as it is"]


def _from_to(operation: ops.AlterColumnOp, recorded: Recorded) -> str:
    old = old_type(operation, recorded)
    before = f" from {type_name(old, recorded.dialect)}" if old is not None else ""
    return f"{before} to {type_name(operation.modify_type, recorded.dialect)}"


def old_type(operation: ops.AlterColumnOp, recorded: Recorded) -> Any:
    """Return the type that a column has: the database knows better than the revision."""
    table = recorded.table
    if table is not None and operation.column_name in table.columns:
        return table.columns[operation.column_name].type
    return operation.existing_type


def _create_index(operation: ops.CreateIndexOp, recorded: Recorded) -> str:
    columns = ", ".join(plain_sql(column, recorded.dialect) for column in operation.columns)
    unique = ", unique" if operation.unique else ""
    where = next((value for key, value in operation.kw.items() if key.endswith("_where")), None)
    only = f", only where {plain_sql(where, recorded.dialect)}" if where is not None else ""
    return f"creates index {operation.index_name} on {table_name(operation)} ({columns}){unique}{only}"


def _drop_index(operation: ops.DropIndexOp, _recorded: Recorded) -> str:
    return f"drops index {operation.index_name}{on(operation.table_name)}"


def _foreign_key(operation: ops.CreateForeignKeyOp, _recorded: Recorded) -> str:
    return (
        f"adds foreign key{called(operation.constraint_name)}: "
        f"{table_name(operation)} ({names(operation.local_cols)}) refers to "
        f"{operation.referent_table} ({names(operation.remote_cols)})"
    )


def _unique(operation: ops.CreateUniqueConstraintOp, _recorded: Recorded) -> str:
    name = called(operation.constraint_name)
    return f"adds unique constraint{name} on {table_name(operation)} ({names(operation.columns)})"


def _primary_key(operation: ops.CreatePrimaryKeyOp, _recorded: Recorded) -> str:
    name = called(operation.constraint_name)
    return f"adds primary key{name} on {table_name(operation)} ({names(operation.columns)})"


def _check(operation: ops.CreateCheckConstraintOp, recorded: Recorded) -> str:
    condition = plain_sql(operation.condition, recorded.dialect)
    return f"adds check{called(operation.constraint_name)} on {table_name(operation)}: {condition}"


def _drop_constraint(operation: ops.DropConstraintOp, _recorded: Recorded) -> str:
    kinds = {"foreignkey": "foreign key", "primary": "primary key", "unique": "unique constraint"}
    kind = kinds.get(str(operation.constraint_type), operation.constraint_type or "constraint")
    return f"drops {kind} {operation.constraint_name} on {table_name(operation)}"


def _table_comment(operation: ops.CreateTableCommentOp, _recorded: Recorded) -> str:
    return f"comments table {table_name(operation)}: {operation.comment}"


def _execute(operation: ops.ExecuteSQLOp, recorded: Recorded) -> str:
    return f"runs SQL: {_short(plain_sql(operation.sqltext, recorded.dialect))}"


def _short(text: str) -> str:
    return text if len(text) <= 100 else f"{text[:99]}…"


def _insert(operation: ops.BulkInsertOp, _recorded: Recorded) -> str:
    n = len(operation.rows)
    return f"puts {n} row{'' if n == 1 else 's'} into {operation.table.name}"


WORDS: dict[type, Callable[[Any, Recorded], str | list[str]]] = {
    ops.CreateTableOp: _create_table,
    ops.DropTableOp: lambda operation, _: f"drops table {table_name(operation)}",
    ops.RenameTableOp: lambda operation, _: (
        f"renames table {table_name(operation)} to {operation.new_table_name}"
    ),
    ops.AddColumnOp: _add_column,
    ops.DropColumnOp: lambda operation, _: f"drops column {table_name(operation)}.{operation.column_name}",
    ops.AlterColumnOp: _alter_column,
    ops.CreateIndexOp: _create_index,
    ops.DropIndexOp: _drop_index,
    ops.CreateForeignKeyOp: _foreign_key,
    ops.CreateUniqueConstraintOp: _unique,
    ops.CreatePrimaryKeyOp: _primary_key,
    ops.CreateCheckConstraintOp: _check,
    ops.DropConstraintOp: _drop_constraint,
    ops.CreateTableCommentOp: _table_comment,
    ops.DropTableCommentOp: lambda operation, _: f"drops the comment of table {table_name(operation)}",
    ops.ExecuteSQLOp: _execute,
    ops.BulkInsertOp: _insert,
}
