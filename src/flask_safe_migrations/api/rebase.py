"""Move the revisions of one branch after those of another, if both branches have added some."""

from datetime import UTC, datetime
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import output, runtime, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.git import Git
from ..revisions.rebase import Plan, make_plan, move_files
from ..runtime import binds, checks, undo
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from .verification import prove_and_report


def rebase(move: str | None = None) -> list[Path]:
    """Move the revisions that are not on the main branch after those that are.

    Return the moved files in their new order. Example::

        for path in api.rebase():
            print(path.name)

    :param move: move this revision and those after it, regardless of git.
    :raises MigrationError: if the revisions cannot be moved.
    """
    git = Git(settings.active().project_folder)
    script = ScriptDirectory.from_config(alembic_config())  # runtime.directory() would fail on the conflict
    files.require_complete(script, load=True)
    databases = binds.databases()
    with one_sentence(databases[0]):
        existing = files.parse_files(script)
        staying = _find_staying(script, existing, git, move)
        plan = make_plan(existing, staying, list(manifest.load(script)))
        if plan.is_done:
            manifest.write(script)
            output.line("Nothing to move: the revisions stand in a row. migrations/HEAD was written again.")
            return []
        for database in databases:
            _downgrade_moved(database, script, existing, plan)
        below = plan.tip.path.name if plan.tip else "nothing"
        moved = move_files(plan, script, datetime.now(UTC))
        for file, path in zip(plan.moved, moved, strict=True):
            now = "" if file.path.name == path.name else f", now {path.name},"
            output.line(f"Moved {file.path.name}{now} on top of {below}.")
            below = path.name
        script = ScriptDirectory.from_config(alembic_config())
        manifest.write(script)
        for database in databases:
            with one_sentence(database), database.shadow() as shadow:
                runtime.build(shadow, script, plan.tip.revision if plan.tip else "base")
                for revision in map(script.get_revision, [file.revision for file in plan.moved]):
                    if binds.touches(revision.module, database.bind):
                        prove_and_report(shadow, script, revision)
                    else:
                        runtime.run(shadow, script, revision.revision, upgrade=True)
    output.line(
        f"Then: {git.get_next_command(Path(script.dir).name)}; `flask db upgrade` applies what is pending."
    )
    return moved


def _find_staying(
    script: ScriptDirectory, existing: list[files.RevisionFile], git: Git, move: str | None
) -> set[str]:
    known = {file.revision for file in existing}
    if move:
        matching = [revision for revision in known if revision.startswith(move)]
        if len(matching) != 1:
            raise MigrationError(f"There is no revision {move}: `flask db history` lists those there are.")
        return known - set(matching)
    base = git.find_base()
    # Without git, all revisions stay, except those whose parent is missing.
    return git.list_revisions(base, files.folders(script)) if base else known


def _downgrade_moved(
    database: Database, script: ScriptDirectory, existing: list[files.RevisionFile], plan: Plan
) -> None:
    """Downgrade the development database if it has revisions that are to be moved."""
    if not database.exists():
        return
    applied = undo.find_applied_files(database, existing)
    names = {file.revision for file in plan.moved}
    if applied is None:
        output.line(
            f"{database} is at a revision without a file: `flask db rebuild` builds it again from scratch."
        )
        return
    wanted = undo.with_descendants(applied, names)
    if not wanted:
        return
    if reason := checks.outside_development(database):
        raise MigrationError(
            f"{database} has {wanted[-1].path.name}, which is about to move, and is not touched: {reason}. "
            "Set DATABASE_URL to a development database; one that people use gets a revision on top."
        )
    try:
        undo.downgrade(database, script, applied, wanted)
    except MigrationError as error:
        output.line(
            f"{error.message} So {database} stays as it is: `flask db rebuild` builds it again from scratch."
        )
