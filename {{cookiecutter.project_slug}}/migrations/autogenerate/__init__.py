"""What Alembic's autogenerate finds is made into something to trust, before it is written to a file.

`flask db new`, `flask db migrate` and `alembic revision --autogenerate` all come through here.
"""

from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from .order import in_order


def revise(migration: MigrationContext, _revision: Any, directives: list[ops.MigrationScript]) -> None:
    """A `process_revision_directives` hook. It also runs for `flask db check`, so there it asks nothing."""
    script = directives[0]
    config = migration.config
    autogenerating = bool(config and getattr(config.cmd_opts, "autogenerate", False))
    if autogenerating and all(found.is_empty() for found in script.upgrade_ops_list):
        directives.clear()  # no empty file
        return
    for operations in (*script.upgrade_ops_list, *script.downgrade_ops_list):
        operations.ops[:] = in_order(operations.ops)
