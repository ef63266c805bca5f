"""What a revision says for each database, as code: script.py.mako puts it together.

Alembic would word all of it as for the last database, which may be another engine than the first.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _render_cmd_body
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..context import RunContext


def keep(bind: str | None, migration: MigrationContext, up: ops.UpgradeOps, down: ops.DowngradeOps) -> None:
    if migration.config is None:
        return
    context = AutogenContext(migration, opts=migration.opts)
    run = RunContext.of(migration.config)
    context.imports = run.imports
    run.parts[bind] = _render_cmd_body(up, context), _render_cmd_body(down, context)
    up.ops[:] = down.ops[:] = []
