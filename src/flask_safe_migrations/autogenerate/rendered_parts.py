"""What a revision says for each database, as code: script.py.mako puts it together.

Alembic would word all of it as for the last database, which may be another engine than the first.
"""

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _render_cmd_body
from alembic.config import Config
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

# The code of the way up and of the way down, by the database's bind.
Parts = dict[str | None, tuple[str, str]]


def of(config: Config) -> Parts:
    parts: Parts = config.attributes.setdefault("parts", {})
    return parts


def keep(bind: str | None, migration: MigrationContext, up: ops.UpgradeOps, down: ops.DowngradeOps) -> None:
    if migration.config is None:
        return
    context = AutogenContext(migration, opts=migration.opts)
    context.imports = migration.config.attributes.setdefault("imports", set())
    of(migration.config)[bind] = _render_cmd_body(up, context), _render_cmd_body(down, context)
    up.ops[:] = down.ops[:] = []
