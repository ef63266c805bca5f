"""Add NOT NULL columns to tables with rows: supply a value, on every engine and in both directions.

A constant becomes the server default of a new column, and is removed in the next statement. No server
rewrites the table for that, and none fails. Any other value takes three steps: add the column as nullable,
fill it with an UPDATE, then make it NOT NULL.
"""

import re
from collections.abc import Callable
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnClause,
    DefaultClause,
    Dialect,
    Enum,
    SQLColumnExpression,
    String,
    Table,
    TextClause,
    TypeDecorator,
    cast,
    column,
    func,
    inspect,
    literal,
    literal_column,
    select,
    table,
    types,
    update,
)
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import ColumnCollectionConstraint

from .. import _compat, output
from ..backends.escaping import escaped, on_one_line, undouble_percents, unquote_literal
from ..errors import MigrationError
from .answers import Answers, answer_command
from .operations import alter_column, escape_bind_params, qualified_name
from .values import parse_text

Value = Callable[[ops.ModifyTableOps, Column[Any]], Any]
IsKey = Callable[[ops.ModifyTableOps, Column[Any]], bool]
SQL_EXPRESSION = re.compile(r"\w+\(.*\)|CURRENT_\w+", re.IGNORECASE)
# By type affinity; the first match is used. Numbers are quoted too: every engine converts them, no rewrite.
NEUTRAL_VALUES: list[tuple[Any, str]] = [
    (types.Boolean, "0"),
    (types.Numeric, "0"),
    (types.Integer, "0"),
    (types.DateTime, "1970-01-01 00:00:00"),
    (types.Date, "1970-01-01"),
    (types.Time, "00:00:00"),
    (types.Interval, "0"),
    (types.JSON, "{}"),
    (types.ARRAY, "{}"),
    (types.Uuid, "00000000-0000-0000-0000-000000000000"),
]
# A date as an offset of days, taken from a numeric column.
DAYS = {"sqlite": "date('1970-01-01', {} || ' days')", "postgresql": "DATE '1970-01-01' + CAST({} AS INT)"}


def fill_required_columns(migration: MigrationContext, found: list[Any], answers: Answers) -> list[Any]:
    """Return the operations of an upgrade, with the values from the developer or the model."""

    def value(operation: ops.ModifyTableOps, wanted: Column[Any]) -> Any:
        name = qualified_name(operation.schema, operation.table_name, wanted.name)
        if (given := answers.find_default(name)) is not None:
            return parse_value(given, name, wanted.type, migration.dialect)
        if (default := constant_default(wanted, migration.dialect)) is not None:
            return default
        if answers.asks:
            question = f"Column {name} is required. Which value do rows get that are there already?"
            return parse_value(output.reporter().prompt(question), name, wanted.type, migration.dialect)
        raise MigrationError(
            f"Column {name} is required, and rows that are there already have no value for it: nothing was "
            f"written. Say which one they get, {answer_command('--default', f'{name}=VALUE')}, or make it "
            "nullable."
        )

    return _add_values(migration, found, value)


def fill_restored_columns(migration: MigrationContext, found: list[Any]) -> list[Any]:
    """Return the operations of a downgrade. Dropped values are lost, so rows get a neutral value.

    A column that allows NULL now gets none where it has to be unique, to refer to a row or to pass a CHECK:
    there is no value that is right for several rows, and NOT NULL then refuses those that have NULL.
    """
    inspector = inspect(migration.connection) if migration.connection else None

    def is_key(table: ops.ModifyTableOps, wanted: Column[Any]) -> bool:
        model = migration.opts["target_metadata"].tables.get(qualified_name(table.schema, table.table_name))
        keys = _list_keys(model) if model is not None else []
        # The neutral value of these is one that their CHECK permits.
        has_check = not isinstance(wanted.type, Enum | types.Boolean)
        place = (table.table_name, table.schema)
        if inspector and inspector.has_table(*place):  # not where the revision renames it
            keys += [each["column_names"] for each in inspector.get_unique_constraints(*place)]
            keys += [each["column_names"] for each in inspector.get_indexes(*place) if each["unique"]]
            keys += [each["constrained_columns"] for each in inspector.get_foreign_keys(*place)]
            checks = inspector.get_check_constraints(*place) if has_check else []
            keys += [re.findall(r"\w+", each["sqltext"]) for each in checks]
        return any(wanted.name in names for names in keys)

    def value(operation: ops.ModifyTableOps, wanted: Column[Any]) -> Any:
        own = value_from_row(migration, operation, wanted)
        return neutral_value(wanted.type) if own is None else own

    return _add_values(migration, found, value, is_key)


def _list_keys(model: Table) -> list[Any]:
    """Return the columns of each primary, unique and foreign key of a model."""
    constraints = [each for each in model.constraints if isinstance(each, ColumnCollectionConstraint)]
    keys = [each.columns.keys() for each in constraints if not isinstance(each, CheckConstraint)]
    return keys + [[column.name for column in each.columns] for each in model.indexes if each.unique]


def _add_values(
    migration: MigrationContext, found: list[Any], value: Value, is_key: IsKey = lambda *_: False
) -> list[Any]:
    result: list[Any] = []
    for changed in found:
        updates: list[Any] = []
        changes: list[Any] = []
        for step in changed.ops if isinstance(changed, ops.ModifyTableOps) else ():
            if isinstance(step, ops.AddColumnOp) and _needs_value(step.column):
                step.column = new = _compat.copy_column(step.column)  # do not change the model's column
                filled = value(changed, new)
                if isinstance(filled, SQLColumnExpression):
                    new.nullable = True
                    updates.append(update_sql(migration, changed, new, filled))
                    changes.append(alter_column(changed, new, modify_nullable=False))
                else:
                    new.server_default = DefaultClause(filled)
                    changes.append(alter_column(changed, new, modify_server_default=None))
            elif (
                isinstance(step, ops.AlterColumnOp)
                and step.modify_nullable is False
                and not is_key(changed, wanted := model_column(migration, step))
            ):
                result.append(update_sql(migration, changed, wanted, value(changed, wanted)))
        result += [changed, *updates]
        if changes:
            result.append(ops.ModifyTableOps(changed.table_name, changes, schema=changed.schema))
    return result


def _needs_value(new: Column[Any]) -> bool:
    """Return whether existing rows would lack a value."""
    is_generated = new.server_default or new.computed or new.identity or new.primary_key
    return not new.nullable and not is_generated


def parse_value(given: str, name: str, kind: types.TypeEngine[Any], dialect: Dialect) -> str | TextClause:
    """Convert typed input to the form that the type stores, or to an expression such as now().

    :raises MigrationError: if the type has no such value.
    """
    if SQL_EXPRESSION.fullmatch(given) and not isinstance(kind, types.String):
        return escape_bind_params(given)
    # PostgreSQL has dates that Python does not.
    is_special = dialect.name == "postgresql" and given.casefold().lstrip("-") in {"infinity", "nan"}
    if is_special or isinstance(kind, TypeDecorator):
        return given
    try:
        value = parse_text(given, kind)
    except ValueError as error:
        raise MigrationError(
            f"Column {name} is {kind.compile(dialect)}, which has no value {given!r}: {error}. "
            f"Nothing was written; say another one, {answer_command('--default', f'{name}=VALUE')}."
        ) from None
    if isinstance(value, str) or isinstance(kind, types.JSON):  # stored as they are written
        return given
    stored = _format_constant(value, kind, dialect)
    return given if stored is None else stored


def constant_default(wanted: Column[Any], dialect: Dialect) -> str | None:
    """Return the value of `default=` in the model, if it is a constant."""
    if wanted.default is None or not wanted.default.is_scalar:
        return None
    return _format_constant(wanted.default.arg, wanted.type, dialect)  # type: ignore[attr-defined]


def _format_constant(value: Any, kind: types.TypeEngine[Any], dialect: Dialect) -> str | None:
    """Return the text of a literal of this type, or None if SQLAlchemy writes none."""
    try:
        sql = str(literal(value, kind).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except (CompileError, NotImplementedError):
        return None
    if sql.casefold() in {"true", "false"}:
        return str(int(sql.casefold() == "true"))
    return _content(sql, dialect) if sql.startswith("'") else sql


def _content(sql: str, dialect: Any) -> str:
    """Return the text that a literal represents."""
    content = unquote_literal(undouble_percents(sql, dialect))
    return content.replace("\\\\", "\\") if getattr(dialect, "_backslash_escapes", False) else content


def neutral_value(kind: types.TypeEngine[Any]) -> str:
    if isinstance(kind, Enum) and kind.enums:
        return str(kind.enums[0])
    return next((value for affinity, value in NEUTRAL_VALUES if isinstance(kind, affinity)), "")


def value_from_row(migration: MigrationContext, operation: ops.ModifyTableOps, wanted: Column[Any]) -> Any:
    """Return an expression if no constant works, else None: a row to refer to, or the row's own key."""
    steps: list[Any] = operation.ops
    for step in steps:
        if isinstance(step, ops.CreateForeignKeyOp) and step.local_cols == [wanted.name]:
            key: ColumnClause[Any] = column(step.remote_cols[0])
            parents = table(step.referent_table, key, schema=step.kw.get("referent_schema"))
            return select(func.min(parents.c[key.name])).scalar_subquery()
        unique = isinstance(step, ops.CreateUniqueConstraintOp) or getattr(step, "unique", False)
        if unique and [getattr(own, "name", own) for own in step.columns] == [wanted.name]:
            keys = list(
                migration.opts["target_metadata"]
                .tables[qualified_name(operation.schema, operation.table_name)]
                .primary_key.columns
            )
            return _from_key(keys[0], wanted.type, migration.dialect) if len(keys) == 1 else None
    return None


def _from_key(key: Column[Any], kind: types.TypeEngine[Any], dialect: Dialect) -> Any:
    """Return an expression of this type with a different value for each key. None if there is none."""
    own: Any = column(key.name, key.type)
    if isinstance(kind, String):
        return cast(own, String(20))
    if isinstance(kind, types.Date | types.DateTime) and isinstance(key.type, types.Integer):
        name = dialect.identifier_preparer.quote(key.name)
        return literal_column(DAYS.get(dialect.name, "DATE '1970-01-01' + INTERVAL {} DAY").format(name))
    number = (types.Numeric, types.Integer)
    same = isinstance(kind, number) and isinstance(key.type, number)
    return own if same or _compat.have_one_affinity(kind, key.type) else None


def model_column(migration: MigrationContext, step: ops.AlterColumnOp) -> Column[Any]:
    """Return the column of the model. In a downgrade there may be none; then only the type is known."""
    tables = migration.opts["target_metadata"].tables
    key = qualified_name(step.schema, step.table_name)
    if key in tables and step.column_name in tables[key].columns:
        found: Column[Any] = tables[key].columns[step.column_name]
        return found
    return Column(step.column_name, step.modify_type or step.existing_type)


def update_sql(
    migration: MigrationContext, operation: ops.ModifyTableOps, wanted: Column[Any], value: Any
) -> ops.ExecuteSQLOp:
    """Return the operation that sets `value` in rows without one."""
    target = table(operation.table_name, column(wanted.name), schema=operation.schema)
    value = literal(value) if isinstance(value, str) else value
    statement = update(target).where(target.c[wanted.name].is_(None)).values({wanted.name: value})
    sql = str(statement.compile(dialect=migration.dialect, compile_kwargs={"literal_binds": True}))
    return ops.ExecuteSQLOp(escaped(undouble_percents(on_one_line(sql), migration.dialect)))
