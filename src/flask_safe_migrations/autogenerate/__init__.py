"""Correct and complete the result of Alembic's autogenerate before it is written to a file.

`flask db new`, `flask db migrate` and `alembic revision --autogenerate` all use this package.
"""

from collections.abc import Callable
from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..backends.base import Database
from ..backends.escaping import undouble_percents
from ..context import RunContext
from ..errors import MigrationError
from ..revisions.files import require_short_id
from .answers import Answers
from .compare import PLUGINS, ignore_index_warnings
from .compare.checks import lift_column_checks
from .compare.columns import add_using_casts, types_differ
from .compare.keys import drop_foreign_key_indexes
from .constraint_names import (
    name_new_constraints,
    refuse_unnamed_drops,
    rename_instead_of_drop,
)
from .filters import configure_logging, include_name, include_object
from .key_types import take_out_foreign_keys
from .ordering import sort_operations
from .renames import resolve_renames
from .rendering import name_functions, render_item, render_operations
from .required_values import fill_required_columns, fill_restored_columns
from .unsupported import raise_refusal

__all__ = [
    "PLUGINS",
    "configure_logging",
    "ignore_index_warnings",
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
        raise_refusal(migration)
        if hook:
            hook(migration, revision, directives)
        _require_short_ids(migration, directives)
        return
    run = RunContext.of(config)
    answers = run.answers = run.answers or Answers(getattr(config.cmd_opts, "x", None) or ())
    if not up.is_empty():
        _complete(database, migration, up, down, answers)
    raise_refusal(migration)
    if hook:
        hook(migration, revision, directives)
    if len(directives) > 1:
        raise MigrationError(
            f"The hook process_revision_directives has made {len(directives)} revisions of one, and nothing "
            "was written: let it make one, and run the command again for the next."
        )
    if not directives:  # the hook does not want a file
        return
    _require_short_ids(migration, directives)
    name_functions(database.bind, migration, directives[0])
    render_operations(database.bind, migration, directives[0])
    if run.is_last:
        answers.check_all_used()
        if not run.parts:
            directives.clear()  # write no empty file


def _require_short_ids(migration: MigrationContext, directives: list[ops.MigrationScript]) -> None:
    """Many projects choose ids in a hook."""
    environment: Any = migration.environment_context
    for directive in directives:
        require_short_id(environment.script, str(directive.rev_id))


def _complete(
    database: Database,
    migration: MigrationContext,
    up: ops.UpgradeOps,
    down: ops.DowngradeOps,
    answers: Answers,
) -> None:
    renames, reversed_renames = resolve_renames(migration, up, down, answers)
    raise_refusal(migration)

    def rename_sql(*names: Any) -> str | None:
        sql = database.rename_sql(migration.dialect, *names)
        return sql and undouble_percents(sql, migration.dialect)

    refuse_unnamed_drops(migration, up.ops)
    for direction in (up, down):
        lift_column_checks(direction.ops)
        name_new_constraints(direction.ops, migration.dialect)
        add_using_casts(migration, direction.ops)
        rename_instead_of_drop(direction.ops, rename_sql, migration.dialect)
    drop_foreign_key_indexes(migration, down.ops)
    drops, creates = take_out_foreign_keys(migration, up.ops)
    required = fill_required_columns(migration, sort_operations(up.ops), answers)
    up.ops[:] = [*renames, *drops, *required, *creates]
    drops, creates = take_out_foreign_keys(migration, down.ops)
    restored = fill_restored_columns(migration, sort_operations(down.ops))
    down.ops[:] = [*drops, *restored, *creates, *reversed_renames]
