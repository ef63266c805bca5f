"""Refuse what the engine does not support, and changes that can be made in several ways.

Each of these ways can lose data. Such changes are recorded during the comparison, and reported after the
renames are resolved.
"""

from collections.abc import Iterable

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult, sqla_compat
from sqlalchemy import Dialect, MetaData, Table
from sqlalchemy.exc import CompileError, InvalidRequestError

from .. import _compat, output
from ..context import Comparison
from ..errors import MigrationError
from ..foreign_keys import require_targets
from ..naming import UnnamedCheckError, describe_unnamed
from .filters import is_table_included


def reset_refusals(context: AutogenContext, _upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """Run before all other comparisons. A run may have several."""
    context.migration_context.opts |= {"refused": [], "unnamed_unique": []}
    return PriorityDispatchResult.CONTINUE


def refuse(migration: MigrationContext, what: str, recipe: str) -> None:
    """Record that `what` has changed. `recipe` explains what to write by hand."""
    migration.opts["refused"].append(
        f"{what}, which is not written by itself: "
        f'`flask db revision -m "…"` makes an empty revision, {recipe}.'
    )


def describe_unnamed_drop(kind: str, table: str, columns: Iterable[str]) -> str:
    """Return one sentence about a constraint without a name that is to be dropped."""
    return (
        f"The {kind} of {table} ({', '.join(columns)}) has no name, so no revision can drop it: give the "
        "models a naming convention, and then `flask db adopt` gives names to what is there; "
        "`flask db help existing-project` shows how."
    )


def raise_refusal(migration: MigrationContext) -> None:
    """Raise MigrationError for the first recorded change."""
    if found := migration.opts.get("refused"):
        raise MigrationError(found[0])


def check_columns(context: AutogenContext, _upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """Report what the models refer to in vain, and types that the engine does not support."""
    migration = context.migration_context
    for metadata in _metadata(context):
        require_targets(metadata)
    database = Comparison.of(migration).database
    reported = migration.opts.setdefault("advice", set())
    for table in context.sorted_tables:
        for column in table.columns if is_table_included(context, table) else ():
            name = f"{table.fullname}.{column.name}"
            try:
                column.type.compile(migration.dialect)
            except CompileError as error:
                reason = str(error).partition("\n")[0].rstrip(".")
                raise MigrationError(
                    f"Column {name} cannot be made on {database.title}: {reason}."
                ) from error
            advice = database.normalizer.column_advice(column)
            if advice and name not in reported:
                reported.add(name)
                output.notice(f"Column {name}: {advice}.")
        if is_table_included(context, table):
            _check_names(table, migration.dialect)
    return PriorityDispatchResult.CONTINUE


def _metadata(context: AutogenContext) -> list[MetaData]:
    given = context.metadata
    return [given] if isinstance(given, MetaData) else list(given or ())


def _check_names(table: Table, dialect: Dialect) -> None:
    """Report a CHECK without a name, if the naming convention requires one."""
    for check in sqla_compat.all_table_check_constraints(table):
        try:
            _compat.constraint_name(check, dialect)
        except (InvalidRequestError, UnnamedCheckError) as error:
            raise MigrationError(describe_unnamed(check, table)) from error
