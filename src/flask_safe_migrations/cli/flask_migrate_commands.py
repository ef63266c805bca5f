"""What Flask-Migrate's own commands do in addition here.

Those that make a revision list it in migrations/HEAD. `flask db upgrade` first downgrades a development
database that has revisions of another branch.
"""

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import DBAPIError

from .. import runtime
from ..api.revision import report_nothing_to_migrate, run_written
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.files import RevisionFile
from ..runtime import binds, checks, undo
from ..runtime.errors import one_sentence

undo_foreign_option = click.Option(
    ["--undo-foreign"],
    is_flag=True,
    help="Development: take back, unasked, what another branch has applied.",
)


def list_new_revisions(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Add the revisions that a command has written to migrations/HEAD, and run those with changes.

    An empty one, and one that joins two heads, has nothing to run yet.
    """

    @wraps(callback)
    def run(*arguments: Any, **options: Any) -> None:
        script = runtime.directory()
        if rev_id := options.get("rev_id"):
            files.require_short_id(script, rev_id)
        known = {str(path) for path in files.paths(script)}
        callback(*arguments, **options)
        script = runtime.directory()
        manifest.add(script)
        if callback.__name__ == "migrate" or options.get("autogenerate"):
            written = [each for each in files.sort_revisions(script) if each.path not in known]
            for revision in written:
                run_written(revision, script)
            if not written:
                report_nothing_to_migrate()

    return run


def undo_foreign_revisions(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Before an upgrade, take back what another branch has applied to a development database."""

    @wraps(callback)
    def run(*arguments: Any, undo_foreign: bool, **options: Any) -> None:
        for database in [] if options.get("sql") else binds.databases():
            if found := _foreign_revisions(database):
                with one_sentence(database):
                    _undo(database, *found, unasked=undo_foreign)
        callback(*arguments, **options)

    return run


def _foreign_revisions(database: Database) -> tuple[list[RevisionFile], list[RevisionFile]] | None:
    """Return the revisions of a development database, and those to downgrade. None if there are none.

    An error here would also stop the upgrade. It is ignored, because env.py waits for the lock or reports it.
    """
    with suppress(DBAPIError, MigrationError):
        if checks.outside_development(database) is None and database.exists():
            there = files.parse_files(runtime.directory())
            applied = undo.find_applied_files(database, there)
            if applied and (wanted := undo.with_descendants(applied, undo.misplaced(applied, there))):
                return applied, wanted
    return None


def _undo(
    database: Database, applied: list[RevisionFile], wanted: list[RevisionFile], *, unasked: bool
) -> None:
    if not unasked:
        names = " and ".join(sorted(file.revision for file in wanted))
        problem = f"{database} has {names} from another branch, or in another place of the chain"
        if not sys.stdin.isatty():
            raise MigrationError(
                f"{problem}: `flask db upgrade --undo-foreign` takes it back and goes on (`flask db upgrade` "
                "asks first), or `flask db rebuild` starts the development database again from scratch."
            )
        losses = undo.find_losses(database, wanted)
        values = f", which {losses}," if losses else ""
        click.confirm(f"{problem}.\nTake it back{values} and go on?", abort=True, err=True)
    undo.downgrade(database, runtime.directory(), applied, wanted)
