"""Compare columns whose values the database generates: Computed and Identity."""

from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column, Computed, Identity

from ... import _compat
from ..temporary_table import stored
from ..unsupported import refuse

COMPUTED = "for which drop the column and add it again (its indexes as well): the values are computed again"
IDENTITY = 'for which write op.execute("ALTER TABLE … ALTER COLUMN … SET GENERATED …") and the way back'


def compare(context: AutogenContext, reflected: Column[Any], wanted: Column[Any]) -> None:
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
    found = stored(migration, wanted.table)
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
