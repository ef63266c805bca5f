"""Changes that no revision is made of, because there is more than one way and each can lose something.

They are noted while models and database are compared, and said when it is known what is a rename.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult

from ..errors import MigrationError


def start(context: AutogenContext, _upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    """First of all comparisons; there may be several in one run."""
    context.migration_context.opts["refused"] = []
    return PriorityDispatchResult.CONTINUE


def refuse(migration: MigrationContext, what: str, recipe: str) -> None:
    """Note that `what` has changed; `recipe` says what to write by hand."""
    migration.opts["refused"].append(
        f"{what}, which is not written by itself: "
        f'`flask db revision -m "…"` makes an empty revision, {recipe}.'
    )


def say(migration: MigrationContext) -> None:
    """Raise MigrationError for the first one noted."""
    if found := migration.opts.get("refused"):
        raise MigrationError(found[0])
