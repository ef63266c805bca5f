"""NOT NULL on a table that may have rows: they need a value, on every engine and in either direction.

A new column gets the value as a server default, which is taken away in the next statement: no engine
rewrites the table for that, and none fails.
"""

from collections.abc import Callable
from typing import Any

import click
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Computed, DefaultClause, Identity, column, literal, table, update

from ..engines.errors import MigrationError
from .answers import Answers, command
from .values import neutral, scalar_default, written

Value = Callable[[str, Column[Any]], Any]


def fill(migration: MigrationContext, found: list[Any], answers: Answers) -> list[Any]:
    """Return the operations of an upgrade, with the values that the developer or the model gives."""

    def value(name: str, wanted: Column[Any]) -> Any:
        if (said := answers.get("default", name)) is not None:
            return written(said, wanted.type)
        if (default := scalar_default(wanted, migration.dialect)) is not None:
            return default
        if answers.asks:
            question = f"Column {name} is required. Which value do rows get that are there already?"
            return written(click.prompt(question, default="", show_default=False), wanted.type)
        raise MigrationError(
            f"Column {name} is required, and rows that are there already have no value for it: nothing was "
            f"written. Say which one they get, {command(f'--default {name}=VALUE')}, or make it nullable."
        )

    return _filled(migration, found, value)


def fill_again(migration: MigrationContext, found: list[Any]) -> list[Any]:
    """Return the operations of a downgrade: what was dropped is gone, so rows get a neutral value."""
    return _filled(migration, found, lambda _name, wanted: neutral(wanted.type))


def _filled(migration: MigrationContext, found: list[Any], value: Value) -> list[Any]:
    result: list[Any] = []
    for operation in found:
        after: list[Any] = []
        if isinstance(operation, ops.ModifyTableOps):
            place = ".".join(part for part in (operation.schema, operation.table_name) if part)
            for step in operation.ops:
                if isinstance(step, ops.AddColumnOp) and _needs_value(step.column):
                    default = value(f"{place}.{step.column.name}", step.column)
                    after.append(_without_default(operation, step.column, default))
                    step.column = step.column._copy()  # not the model's own
                    step.column.server_default = DefaultClause(default)
                elif isinstance(step, ops.AlterColumnOp) and step.modify_nullable is False:
                    wanted = _wanted(migration, step)
                    default = value(f"{place}.{step.column_name}", wanted)
                    result.append(_update(migration, operation, wanted, default))
        result.append(operation)
        if after:
            result.append(ops.ModifyTableOps(operation.table_name, after, schema=operation.schema))
    return result


def _needs_value(new: Column[Any]) -> bool:
    filled_by_itself = (Computed, Identity)
    return (
        not new.nullable
        and new.server_default is None
        and not new.primary_key
        and not isinstance(new.computed or new.identity, filled_by_itself)
    )


def _without_default(operation: ops.ModifyTableOps, new: Column[Any], default: Any) -> ops.AlterColumnOp:
    return ops.AlterColumnOp(
        operation.table_name,
        new.name,
        schema=operation.schema,
        existing_type=new.type,
        existing_nullable=False,
        existing_comment=new.comment,
        existing_server_default=default,
        modify_server_default=None,
    )


def _wanted(migration: MigrationContext, step: ops.AlterColumnOp) -> Column[Any]:
    """The column as the model has it; in a downgrade the model may have none, and the type is enough."""
    tables = migration.opts["target_metadata"].tables
    key = ".".join(part for part in (step.schema, step.table_name) if part)
    if key in tables and step.column_name in tables[key].columns:
        return tables[key].columns[step.column_name]
    return Column(step.column_name, step.modify_type or step.existing_type)


def _update(
    migration: MigrationContext, operation: ops.ModifyTableOps, wanted: Column[Any], default: Any
) -> ops.ExecuteSQLOp:
    target = table(operation.table_name, column(wanted.name), schema=operation.schema)
    value = literal(default) if isinstance(default, str) else default
    statement = update(target).where(target.c[wanted.name].is_(None)).values({wanted.name: value})
    options = {"literal_binds": True}
    return ops.ExecuteSQLOp(
        " ".join(str(statement.compile(dialect=migration.dialect, compile_kwargs=options)).split())
    )
