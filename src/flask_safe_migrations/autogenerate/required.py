"""Add NOT NULL columns to tables with rows: supply a value, on every engine and in both directions.

A constant becomes the server default of a new column, and is removed in the next statement. No server
rewrites the table for that, and none fails. Any other value takes three steps: add the column as nullable,
fill it with an UPDATE, then make it NOT NULL.
"""

from collections.abc import Callable
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, DefaultClause, SQLColumnExpression

from .. import _compat, output
from ..errors import MigrationError
from .answers import Answers, command
from .operations import altered, dotted
from .values import constant_default, from_the_row, model_column, neutral, update_sql, written

Value = Callable[[ops.ModifyTableOps, Column[Any]], Any]


def fill(migration: MigrationContext, found: list[Any], answers: Answers) -> list[Any]:
    """Return the operations of an upgrade, with the values from the developer or the model."""

    def value(operation: ops.ModifyTableOps, wanted: Column[Any]) -> Any:
        name = dotted(operation.schema, operation.table_name, wanted.name)
        if (said := answers.get("default", name)) is not None:
            return written(said, wanted.type)
        if (default := constant_default(wanted, migration.dialect)) is not None:
            return default
        if answers.asks:
            question = f"Column {name} is required. Which value do rows get that are there already?"
            return written(output.reporter().prompt(question), wanted.type)
        raise MigrationError(
            f"Column {name} is required, and rows that are there already have no value for it: nothing was "
            f"written. Say which one they get, {command(f'--default {name}=VALUE')}, or make it nullable."
        )

    return _filled(migration, found, value)


def fill_again(migration: MigrationContext, found: list[Any]) -> list[Any]:
    """Return the operations of a downgrade. Dropped values are lost, so rows get a neutral value."""

    def value(operation: ops.ModifyTableOps, wanted: Column[Any]) -> Any:
        own = from_the_row(migration, operation, wanted)
        return neutral(wanted.type) if own is None else own

    return _filled(migration, found, value)


def _filled(migration: MigrationContext, found: list[Any], value: Value) -> list[Any]:
    result: list[Any] = []
    for operation in found:
        after: list[Any] = []
        if isinstance(operation, ops.ModifyTableOps):
            updates = []
            for step in operation.ops:
                if isinstance(step, ops.AddColumnOp) and _needs_value(step.column):
                    step.column = _compat.copy_column(step.column)  # do not change the model's column
                    new, given = step.column, value(operation, step.column)
                    if isinstance(given, SQLColumnExpression):
                        new.nullable = True
                        updates.append(update_sql(migration, operation, new, given))
                        after.append(altered(operation, new, modify_nullable=False))
                    else:
                        new.server_default = DefaultClause(given)
                        after.append(altered(operation, new, modify_server_default=None))
                elif isinstance(step, ops.AlterColumnOp) and step.modify_nullable is False:
                    wanted = model_column(migration, step)
                    result.append(update_sql(migration, operation, wanted, value(operation, wanted)))
            after[:0] = updates
        result.append(operation)
        result += [step for step in after if isinstance(step, ops.ExecuteSQLOp)]
        if changes := [step for step in after if not isinstance(step, ops.ExecuteSQLOp)]:
            result.append(ops.ModifyTableOps(operation.table_name, changes, schema=operation.schema))
    return result


def _needs_value(new: Column[Any]) -> bool:
    """Return whether existing rows would lack a value."""
    comes_by_itself = new.server_default or new.computed or new.identity or new.primary_key
    return not new.nullable and not comes_by_itself
