"""What Alembic's autogenerate finds is made into something to trust, before it is written to a file.

`flask db new`, `flask db migrate` and `alembic revision --autogenerate` all come through here.
"""

from functools import partial
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..engines.base import Database
from . import rendering as _rendering  # noqa: F401  (it registers itself)
from .answers import Answers
from .names import renamed
from .order import in_order
from .renames import settle
from .required import fill, fill_again


def revise(
    database: Database, migration: MigrationContext, _revision: Any, directives: list[ops.MigrationScript]
) -> None:
    """A `process_revision_directives` hook. It also runs for `flask db check`, so there it asks nothing."""
    script = directives[0]
    up, down = script.upgrade_ops, script.downgrade_ops
    config = migration.config
    if not (config and getattr(config.cmd_opts, "autogenerate", False)) or up is None or down is None:
        return
    if up.is_empty():
        directives.clear()  # no empty file
        return
    answers = Answers(getattr(config.cmd_opts, "x", None) or ())
    renames, back = settle(migration, script, answers)
    rename = partial(database.rename_sql, migration.dialect)
    up.ops[:] = [*renames, *fill(migration, in_order(renamed(up.ops, rename)), answers)]
    down.ops[:] = [*fill_again(migration, in_order(renamed(down.ops, rename))), *back]
    answers.check_all_used()
