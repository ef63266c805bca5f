"""Move the revisions of one branch after those of another, if both branches have added some."""

from datetime import UTC, datetime
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import output, runtime, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.files import RevisionFile
from ..revisions.git import Git
from ..revisions.rebase import Plan, make_plan, move_files
from ..runtime import binds, checks, undo
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config
from .verification import prove_and_report

# All applied revisions of a database, and those of them that are to be moved.
Applied = tuple[list[RevisionFile], list[RevisionFile]]


def rebase(move: str | None = None, *, yes: bool = False) -> list[Path]:
    """Move the revisions that are not on the main branch after those that are.

    Return the moved files in their new order. Example::

        for path in api.rebase():
            print(path.name)

    :param move: move this revision and those after it, regardless of git.
    :param yes: do not ask before rows of a development database are lost.
    :raises MigrationError: if the revisions cannot be moved.
    """
    git = Git(settings.active().project_folder)
    script = ScriptDirectory.from_config(alembic_config())  # runtime.directory() would fail on the conflict
    files.require_complete(script, load=True)
    databases = binds.databases()
    with one_sentence(databases[0]):
        existing = files.parse_files(script)
        if folded := files.find_folded_twice(existing):
            raise MigrationError(f"{'; '.join(folded)}. After that, `flask db rebase` again.")
        staying = _find_staying(script, existing, git, move)
        plan = make_plan(existing, staying, list(manifest.load(script)))
        if plan.is_done:
            manifest.write(script)
            output.line("Nothing to move: the revisions stand in a row. migrations/HEAD was written again.")
            return []
        found = [(database, _find_applied(database, existing, plan)) for database in databases]
        applied = [(database, *those) for database, those in found if those]
        if not yes:
            for database, _all, wanted in applied:
                _confirm_losses(database, wanted)
        for database, everything, wanted in applied:
            _downgrade(database, script, everything, wanted)
        below = plan.tip.path.name if plan.tip else "nothing"
        moved = move_files(plan, script, datetime.now(UTC))
        for file, path in zip(plan.moved, moved, strict=True):
            now = "" if file.path.name == path.name else f", now {path.name},"
            output.line(f"Moved {file.path.name}{now} on top of {below}.")
            below = path.name
        script = ScriptDirectory.from_config(alembic_config())
        manifest.write(script)
        for database in databases:
            tip = plan.tip.revision if plan.tip else "base"
            with one_sentence(database), runtime.shadow_at(database, script, tip) as shadow:
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


def _find_applied(database: Database, existing: list[RevisionFile], plan: Plan) -> Applied | None:
    """Return the revisions of a development database, and those of them that are to be moved."""
    if not database.exists():
        return None
    applied = undo.find_applied_files(database, existing)
    names = {file.revision for file in plan.moved}
    if applied is None:
        output.line(
            f"{database} is at a revision without a file: `flask db rebuild` builds it again from scratch."
        )
        return None
    wanted = undo.with_descendants(applied, names)
    if not wanted:
        return None
    if reason := checks.outside_development(database):
        raise MigrationError(
            f"{database} has {wanted[-1].path.name}, which is about to move, and is not touched: {reason}. "
            "Set DATABASE_URL to a development database; one that people use gets a revision on top."
        )
    return applied, wanted


def _confirm_losses(database: Database, wanted: list[RevisionFile]) -> None:
    losses = undo.find_losses(database, wanted)
    if not losses:
        return
    question = f"{database} has {wanted[-1].path.name}, and taking it back {losses}"
    if not output.reporter().can_ask:
        raise MigrationError(
            f"{question}: nothing was changed. If they may go: `flask db rebase --yes`; a snapshot is taken "
            "first."
        )
    if not output.reporter().confirm(f"{question}.\nGo on, after a snapshot?"):
        raise MigrationError("Nothing was changed.")


def _downgrade(
    database: Database, script: ScriptDirectory, applied: list[RevisionFile], wanted: list[RevisionFile]
) -> None:
    try:
        undo.downgrade(database, script, applied, wanted)
    except MigrationError as error:
        output.line(
            f"{error.message} So {database} stays as it is: `flask db rebuild` builds it again from scratch."
        )
