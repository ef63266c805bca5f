"""Selects the revisions that are folded into a baseline: one revision and all of its ancestors."""

from dataclasses import dataclass
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from .. import _compat
from ..errors import MigrationError
from ..revisions import files
from ..runtime.checks import refuse_several_heads
from ..runtime.heads import unknown_revision


@dataclass(frozen=True)
class Fold:
    """The revisions to fold, and those that stay."""

    upto: Script
    # Oldest first; the last one is `upto`.
    folded: list[Script]
    # All others, oldest first.
    rest: list[Script]

    @property
    def replaces(self) -> tuple[str, ...]:
        """The ids that no file will have any more, including those that an earlier baseline replaced."""
        ids = [
            identifier
            for revision in self.folded
            for identifier in (*getattr(revision.module, "replaces", ()), revision.revision)
        ]
        return tuple(ids[:-1])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(
            sorted({label for revision in self.folded for label in _compat.own_branch_labels(revision)})
        )


def select_revisions(script: ScriptDirectory, upto: str | None) -> Fold:
    """Select `upto` (by default the head) and its ancestors.

    Raises MigrationError if there is nothing to fold, or if a revision that stays would lose a parent.
    """
    if not script.get_heads():
        raise MigrationError("There are no revisions to fold.")
    refuse_several_heads(script, "squash")
    last = _find(script, upto or "head")
    before: set[str] = set()
    pending = set(_compat.parents_and_dependencies(last))
    while pending:
        before |= pending
        parents = (_compat.parents_and_dependencies(script.get_revision(revision)) for revision in pending)
        pending = {parent for ids in parents for parent in ids} - before
    if not before:
        raise MigrationError(f"Nothing to fold: {Path(last.path).name} is the first revision.")
    ordered = files.sort_revisions(script)
    rest = [revision for revision in ordered if revision.revision not in before and revision is not last]
    for revision in rest:
        if folded_parents := before & set(_compat.parents_and_dependencies(revision)):
            raise MigrationError(
                f"{Path(revision.path).name} comes after {', '.join(sorted(folded_parents))}, which would be "
                f"folded, and not after {last.revision}. Nothing was changed. Use --upto with a revision "
                "that all remaining ones come after."
            )
    folded = [revision for revision in ordered if revision.revision in before]
    return Fold(last, [*folded, last], rest)


def _find(script: ScriptDirectory, name: str) -> Script:
    try:
        revision = script.get_revision(name)
    except CommandError as error:
        raise MigrationError(unknown_revision(name, None, script)) from error
    if revision is None:  # "base"
        raise MigrationError(unknown_revision(name, None, script))
    return revision
