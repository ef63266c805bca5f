"""What Alembic's autogenerate finds is made into something to trust, before it is written to a file.

`flask db new`, `flask db migrate` and `alembic revision --autogenerate` all come through here.
"""

from functools import partial
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..engines.base import Database
from . import parts, refusals
from .answers import Answers
from .casts import spelled_out
from .comparing import PLUGINS
from .foreign import include_name, include_object
from .implied import dropped_along
from .names import renamed
from .order import in_order
from .renames import settle
from .rendering import render_item  # what else is in there registers itself
from .required import fill, fill_again
from .types import differ as types_differ

__all__ = ["PLUGINS", "include_name", "include_object", "render_item", "revise", "types_differ"]


def revise(
    database: Database, migration: MigrationContext, _revision: Any, directives: list[ops.MigrationScript]
) -> None:
    """A `process_revision_directives` hook. It also runs for `flask db check`, so there it asks nothing."""
    script = directives[0]
    up, down = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    config = migration.config
    if not (config and getattr(config.cmd_opts, "autogenerate", False)):
        refusals.say(migration)
        return
    answers = config.attributes.setdefault("answers", Answers(getattr(config.cmd_opts, "x", None) or ()))
    if not up.is_empty():
        _settle(database, migration, up, down, answers)
        parts.keep(database.bind, migration, up, down)
    refusals.say(migration)
    if config.attributes.get("is_last", True):
        answers.check_all_used()
        if not parts.of(config):
            directives.clear()  # no empty file


def _settle(
    database: Database,
    migration: MigrationContext,
    up: ops.UpgradeOps,
    down: ops.DowngradeOps,
    answers: Answers,
) -> None:
    renames, back = settle(migration, up, down, answers)
    refusals.say(migration)
    rename = partial(database.rename_sql, migration.dialect)
    for way in (up, down):
        way.ops[:] = renamed(spelled_out(migration, way.ops), rename)
    up.ops[:] = [*renames, *fill(migration, in_order(up.ops), answers)]
    down.ops[:] = [*fill_again(migration, in_order(dropped_along(migration, down.ops))), *back]
