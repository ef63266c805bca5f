"""Compare server defaults. Alembic's comparison fails on quotes and finds the same difference repeatedly."""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy import Column, Computed, Identity

from ... import _compat
from ...context import Comparison
from .. import literal_sql
from ..findings import log
from ..temporary_table import stored
from . import generated


def compare(
    context: AutogenContext,
    operation: ops.AlterColumnOp,
    _schema: str | None,
    _table: str,
    _name: str,
    reflected: Column[Any],
    wanted: Column[Any],
) -> PriorityDispatchResult:
    if _compat.is_autoincrement(wanted) or isinstance(wanted.autoincrement, bool):
        operation.kw["autoincrement"] = bool(wanted.autoincrement)
    had, wants = reflected.server_default, wanted.server_default
    if any(isinstance(default, Computed | Identity) for default in (had, wants)):
        operation.existing_server_default = had or False
        generated.compare(context, reflected, wanted)
        return PriorityDispatchResult.CONTINUE
    if _are_compared(context, reflected, wanted) and _differ(context, had, wanted):
        log.info("Detected server default on column '%s.%s'", wanted.table.fullname, wanted.name)
        operation.modify_server_default = wants
        # None means no default, for the downgrade. False would mean unknown.
        operation.existing_server_default = literal_sql.default(had) if had else None  # type: ignore[arg-type]
    elif wants is not None:
        # Not `had`: on MariaDB, SQLAlchemy truncates a default that contains a quote.
        operation.existing_server_default = wants
    return PriorityDispatchResult.CONTINUE


def _differ(context: AutogenContext, had: Any, wanted: Column[Any]) -> bool:
    migration = context.migration_context
    if wanted.server_default is None:
        return had is not None
    if had is None:
        found = stored(migration, wanted.table)
        return found is None or found.columns[wanted.name]["default"] is not None
    is_now = had.arg.text
    compiler = migration.dialect.ddl_compiler(migration.dialect, None)  # type: ignore[arg-type]
    text = compiler.get_column_default_string(wanted)
    plain = Comparison.of(migration).database.normalizer.normalize_default
    if plain(is_now) == plain(text):
        return False
    found = stored(migration, wanted.table)
    return found is not None and found.columns[wanted.name]["default"] != is_now


def _are_compared(context: AutogenContext, reflected: Column[Any], wanted: Column[Any]) -> bool:
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
