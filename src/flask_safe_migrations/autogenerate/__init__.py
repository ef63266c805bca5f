"""Correct and complete the result of Alembic's autogenerate before it is written to a file.

`flask db new`, `flask db migrate` and `alembic revision --autogenerate` all use this package.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError
from . import rendered_parts, unsupported
from .answers import Answers
from .casts import add_using_casts
from .compare.types import differ as types_differ
from .filters import include_name, include_object
from .findings import follow_alembic
from .fk_indexes import drop_fk_indexes
from .names import renamed
from .order import in_order
from .plugin import PLUGINS
from .renames import settle
from .rendering import render_item  # the other modules register themselves on import
from .required import fill, fill_again

__all__ = [
    "PLUGINS",
    "follow_alembic",
    "include_name",
    "include_object",
    "render_item",
    "revise",
    "types_differ",
]


def revise(
    database: Database,
    migration: MigrationContext,
    revision: Any,
    directives: list[ops.MigrationScript],
    hook: Callable[..., None] | None = None,
) -> None:
    """Complete the operations, as a `process_revision_directives` hook.

    `flask db check` calls it as well. In that case it asks no questions.

    :param hook: the hook of the application. It receives the operations as they will be written.
    """
    script = directives[0]
    up, down = script.upgrade_ops_list[-1], script.downgrade_ops_list[-1]
    config = migration.config
    if not (config and getattr(config.cmd_opts, "autogenerate", False)):
        unsupported.say(migration)
        if hook:
            hook(migration, revision, directives)
        return
    run = RunContext.of(config)
    answers = run.answers = run.answers or Answers(getattr(config.cmd_opts, "x", None) or ())
    if not up.is_empty():
        _settle(database, migration, up, down, answers)
    unsupported.say(migration)
    if hook:
        hook(migration, revision, directives)
    if len(directives) > 1:
        raise MigrationError(
            f"The hook process_revision_directives has made {len(directives)} revisions of one, and nothing "
            "was written: let it make one, and run the command again for the next."
        )
    if not directives:  # the hook does not want a file
        return
    rendered_parts.name_functions(database.bind, migration, directives[0])
    rendered_parts.keep(database.bind, migration, directives[0])
    if run.is_last:
        answers.check_all_used()
        if not run.parts:
            directives.clear()  # write no empty file


def _settle(
    database: Database,
    migration: MigrationContext,
    up: ops.UpgradeOps,
    down: ops.DowngradeOps,
    answers: Answers,
) -> None:
    renames, back = settle(migration, up, down, answers)
    unsupported.say(migration)
    rename = partial(database.rename_sql, migration.dialect)
    for way in (up, down):
        way.ops[:] = renamed(add_using_casts(migration, way.ops), rename)
    up.ops[:] = [*renames, *fill(migration, in_order(up.ops), answers)]
    down.ops[:] = [*fill_again(migration, in_order(drop_fk_indexes(migration, down.ops))), *back]
