"""Compare the columns of a table: types, server defaults, and values that the database generates.

Alembic's comparison of server defaults fails on quotes and finds the same difference repeatedly.
"""

from collections.abc import Iterator
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Computed, DefaultClause, Enum, Identity, Sequence, types
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.types import TypeEngine

from ... import _compat
from ...context import Comparison
from ..filters import log
from ..operations import escape_bind_params
from ..unsupported import refuse
from .temporary_table import read_stored_table

# No value of one kind can be made of a value of the other.
NUMBERS = (types.Integer, types.Numeric, types.Float, types.Boolean)
TIMES = (types.Date, types.DateTime, types.Time, types.Interval)
INCONVERTIBLE: tuple[tuple[Any, Any], ...] = ((NUMBERS, types.Uuid), (TIMES, types.Uuid), (NUMBERS, TIMES))
REPLACE = (
    "in which add a column of the new type, fill it, let what refers to the old one refer to it, then drop "
    "the old one and rename the new one"
)
COMPUTED = "for which drop the column and add it again (its indexes as well): the values are computed again"
AUTO_INCREMENT = (
    "for which write op.alter_column(…, existing_type=…, existing_nullable=False, autoincrement=True), and "
    "the way back with autoincrement=False"
)
IDENTITY = 'for which write op.execute("ALTER TABLE … ALTER COLUMN … SET GENERATED …") and the way back'


def types_differ(
    migration: MigrationContext,
    reflected: Column[Any],
    wanted: Column[Any],
    reflected_type: TypeEngine[Any],
    wanted_type: TypeEngine[Any],
) -> bool:
    """Compare two types, as `compare_type` of context.configure()."""
    normalize, dialect = Comparison.of(migration).database.normalizer.normalize_type, migration.dialect
    is_now = _with_collation_of_table(reflected, reflected_type, wanted_type).compile(dialect)
    if normalize(is_now) == normalize(wanted_type.compile(dialect)):
        return False
    found = read_stored_table(migration, wanted.table)
    if found is None:
        return False
    stored: TypeEngine[Any] = found.columns[wanted.name]["type"]
    # SQLAlchemy recognized the old type, and not the new one.
    return _compat.is_null_type(stored) or stored.compile(dialect) != is_now


def _with_collation_of_table(
    reflected: Column[Any], reflected_type: TypeEngine[Any], wanted_type: TypeEngine[Any]
) -> TypeEngine[Any]:
    """MariaDB does not report the collation of a column that has the one of its table."""
    given, collation = getattr(reflected_type, "collation", None), getattr(wanted_type, "collation", None)
    options = {reflected.table.kwargs.get(f"{name}_collate") for name in ("mysql", "mariadb")}
    if given or not collation or collation not in options:
        return reflected_type
    shown: TypeEngine[Any] = _compat.shallow_copy(reflected_type)
    vars(shown).update(charset=getattr(wanted_type, "charset", None), collation=collation)
    return shown


def add_using_casts(migration: MigrationContext, operations: list[Any]) -> None:
    """Add a USING clause, in place, to each change of type that the engine does not convert by itself.

    Upgrade and downgrade need different ones. A default, which it does not convert, is dropped before.
    https://www.postgresql.org/docs/current/sql-altertable.html#SQL-ALTERTABLE-NOTES
    """
    for operation in operations:
        if isinstance(operation, ops.ModifyTableOps):
            operation.ops[:] = [part for step in operation.ops for part in _with_cast(migration, step)]


def _with_cast(migration: MigrationContext, step: Any) -> Iterator[Any]:
    if isinstance(step, ops.AlterColumnOp) and step.modify_type is not None:
        using = _cast(migration, step.column_name, step.existing_type, step.modify_type)
        step.kw["postgresql_using"] = using
        if using and step.existing_server_default and step.modify_server_default is not False:
            yield ops.AlterColumnOp(
                step.table_name,
                step.column_name,
                schema=step.schema,
                existing_type=step.existing_type,
                existing_nullable=step.existing_nullable,
                existing_server_default=step.existing_server_default,
                modify_server_default=None,
            )
            step.existing_server_default = None
            if step.modify_server_default is None:
                step.modify_server_default = False
    yield step


def _cast(migration: MigrationContext, name: str, old: Any, new: Any) -> str | None:
    return Comparison.of(migration).database.normalizer.cast(migration.dialect, name, old, new)


def compare(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    _schema: str | None,
    _table: str,
    _name: str,
    reflected: Column[Any],
    wanted: Column[Any],
) -> PriorityDispatchResult:
    """Compare server defaults and generated values."""
    repeats = Comparison.of(context.migration_context).database.normalizer.repeats_autoincrement
    if repeats and (_compat.is_autoincrement(wanted) or isinstance(wanted.autoincrement, bool)):
        operation.kw["autoincrement"] = bool(wanted.autoincrement)
    if repeats and _lacks_autoincrement(reflected, wanted):
        what = f"Column {wanted.table.fullname}.{wanted.name} has become AUTO_INCREMENT"
        refuse(context.migration_context, what, AUTO_INCREMENT)
    if operation.modify_type is not None and _is_inconvertible(reflected.type, wanted.type):
        dialect = context.migration_context.dialect
        change = f"{reflected.type.compile(dialect)} to {wanted.type.compile(dialect)}"
        what = f"Column {wanted.table.fullname}.{wanted.name} has changed from {change}"
        refuse(context.migration_context, f"{what}, to which no value can be converted", REPLACE)
    had, wants = reflected.server_default, wanted.server_default
    if wants is None and _is_of_domain(had, reflected.type):
        return PriorityDispatchResult.CONTINUE
    if any(isinstance(default, Computed | Identity) for default in (had, wants)):
        operation.existing_server_default = had or False
        _compare_generated(context, reflected, wanted)
        return PriorityDispatchResult.CONTINUE
    if _are_defaults_compared(context, reflected, wanted) and (
        _is_default_cast(context, operation, had, wants) or _defaults_differ(context, had, wanted)
    ):
        log.info("Detected server default on column '%s.%s'", wanted.table.fullname, wanted.name)
        operation.modify_server_default = wants
        # None means no default, for the downgrade. False would mean unknown.
        operation.existing_server_default = _as_reported(had) if had else None
    elif wants is not None:
        # Not `had`: on MariaDB, SQLAlchemy truncates a default that contains a quote.
        operation.existing_server_default = wants
    return PriorityDispatchResult.CONTINUE


def _lacks_autoincrement(reflected: Column[Any], wanted: Column[Any]) -> bool:
    """Return whether the database does not number the column. Only MariaDB and MySQL report that."""
    is_numbered = _compat.is_autoincrement(wanted) and not isinstance(wanted.default, Sequence)
    return is_numbered and reflected.autoincrement is False


def _is_inconvertible(had: TypeEngine[Any], wants: TypeEngine[Any]) -> bool:
    pairs = [*INCONVERTIBLE, *((new, old) for old, new in INCONVERTIBLE)]
    return any(isinstance(had, old) and isinstance(wants, new) for old, new in pairs)


def _is_default_cast(context: AutogenContext, operation: ops.AlterColumnOp, had: Any, wants: Any) -> bool:
    """Whether the type of the column changes so that the server does not convert its default both ways."""
    old, new = operation.existing_type, operation.modify_type
    if had is None or wants is None or new is None or (isinstance(old, Enum) and isinstance(new, Enum)):
        return False  # enums.py converts one enum to another, or renames it
    name, migration = operation.column_name, context.migration_context
    return bool(_cast(migration, name, old, new) or _cast(migration, name, new, old))


def _defaults_differ(context: AutogenContext, had: Any, wanted: Column[Any]) -> bool:
    migration = context.migration_context
    if wanted.server_default is None:
        return had is not None
    if had is None:
        found = read_stored_table(migration, wanted.table)
        return found is None or found.columns[wanted.name]["default"] is not None
    is_now = had.arg.text
    compiler = migration.dialect.ddl_compiler(migration.dialect, None)  # type: ignore[arg-type]
    text = compiler.get_column_default_string(wanted)
    normalize = Comparison.of(migration).database.normalizer.normalize_default
    if normalize(is_now) == normalize(text):
        return False
    found = read_stored_table(migration, wanted.table)
    return found is not None and found.columns[wanted.name]["default"] != is_now


def _is_of_domain(default: Any, kind: TypeEngine[Any]) -> bool:
    """Whether SQLAlchemy reports the default of a DOMAIN as that of the column."""
    if not isinstance(kind, DOMAIN) or kind.default is None or default is None:
        return False
    return str(getattr(default.arg, "text", default.arg)) == str(kind.default)


def _as_reported(default: Any) -> DefaultClause:
    return DefaultClause(escape_bind_params(default.arg.text))


def _are_defaults_compared(context: AutogenContext, reflected: Column[Any], wanted: Column[Any]) -> bool:
    """Apply `compare_server_default`. It may be False, or a function that returns False to ignore a default.

    https://alembic.sqlalchemy.org/en/latest/api/runtime.html
    """
    option = Comparison.of(context.migration_context).compare_defaults
    if not callable(option):
        return bool(option)
    texts = [
        getattr(getattr(column.server_default, "arg", None), "text", None) for column in (reflected, wanted)
    ]
    answer = option(context.migration_context, reflected, wanted, texts[0], wanted.server_default, texts[1])
    return answer is not False


def _compare_generated(context: AutogenContext, reflected: Column[Any], wanted: Column[Any]) -> None:
    """Record a change. None can be made on every engine without a loss."""
    migration = context.migration_context
    had, wants = reflected.server_default, wanted.server_default
    name = f"{wanted.table.fullname}.{wanted.name}"
    if isinstance(had, Computed) or isinstance(wants, Computed):
        if _computed_differ(migration, had, wanted):
            refuse(migration, f"Column {name} has changed in how it is computed", COMPUTED)
    elif migration.dialect.supports_identity_columns and _identity_differ(migration, had, wants):
        refuse(migration, f"Column {name} has changed in its identity", IDENTITY)


def _computed_differ(migration: MigrationContext, had: Any, wanted: Column[Any]) -> bool:
    wants = wanted.server_default
    if not isinstance(had, Computed) or not isinstance(wants, Computed):
        return True
    is_now = str(had.sqltext)
    if is_now == str(
        wants.sqltext.compile(dialect=migration.dialect, compile_kwargs={"literal_binds": True})
    ):
        return False
    found = read_stored_table(migration, wanted.table)
    if found is None:
        return False
    computed = found.columns[wanted.name]["computed"]
    same_place = had.persisted == computed.get("persisted")
    return not same_place or str(computed["sqltext"]) != is_now


def _identity_differ(migration: MigrationContext, had: Any, wants: Any) -> bool:
    if not isinstance(had, Identity) or not isinstance(wants, Identity):
        return True
    impl: Any = migration.impl
    return _compat.identity_differs(impl, wants, had)
