"""Refuse changes that can be made in several ways, each of which can lose data.

They are recorded during the comparison, and reported after the renames are settled.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult

from ..errors import MigrationError


def start(context: AutogenContext, _upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """Run before all other comparisons. A run may have several."""
    context.migration_context.opts["refused"] = []
    return PriorityDispatchResult.CONTINUE


def refuse(migration: MigrationContext, what: str, recipe: str) -> None:
    """Record that `what` has changed. `recipe` explains what to write by hand."""
    migration.opts["refused"].append(
        f"{what}, which is not written by itself: "
        f'`flask db revision -m "…"` makes an empty revision, {recipe}.'
    )


def say(migration: MigrationContext) -> None:
    """Raise MigrationError for the first recorded change."""
    if found := migration.opts.get("refused"):
        raise MigrationError(found[0])
