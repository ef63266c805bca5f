"""Which revisions are folded into one: all that come before a certain one, and that one itself."""

from dataclasses import dataclass
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from ..errors import MigrationError
from ..revisions import files
from ..runtime.checks import refuse_several_heads
from ..runtime.heads import unknown_revision


@dataclass(frozen=True)
class Fold:
    upto: Script
    # Oldest first, `upto` among them as the last one.
    folded: list[Script]
    # All others, oldest first.
    rest: list[Script]

    @property
    def replaces(self) -> tuple[str, ...]:
        """The ids that no file will have any more, with those that an earlier baseline stands for."""
        ids = [
            known for each in self.folded for known in (*getattr(each.module, "replaces", ()), each.revision)
        ]
        return tuple(ids[:-1])

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(sorted({label for each in self.folded for label in each._orig_branch_labels}))


def fold(script: ScriptDirectory, wanted: str | None) -> Fold:
    """Raises MigrationError where that cannot be done without losing an ancestor of something."""
    if not script.get_heads():
        raise MigrationError("There are no revisions to fold.")
    refuse_several_heads(script, "squash")
    upto = _find(script, wanted or "head")
    before: set[str] = set()
    pending = set(upto._all_down_revisions)
    while pending:
        before |= pending
        parents = (script.get_revision(each)._all_down_revisions for each in pending)
        pending = {parent for found in parents for parent in found} - before
    if not before:
        raise MigrationError(
            f"Nothing to fold, nothing was changed: {Path(upto.path).name} is the first revision already."
        )
    ordered = files.in_order(script)
    rest = [each for each in ordered if each.revision not in before and each is not upto]
    for each in rest:
        if inside := before & set(each._all_down_revisions):
            raise MigrationError(
                f"{Path(each.path).name} comes after {', '.join(sorted(inside))}, which would be folded, "
                f"and not after {upto.revision}; nothing was changed: fold up to a revision that all others "
                "come after, with --upto."
            )
    folded = [each for each in ordered if each.revision in before]
    return Fold(upto, [*folded, upto], rest)


def _find(script: ScriptDirectory, wanted: str) -> Script:
    try:
        found = script.get_revision(wanted)
    except CommandError as error:
        raise MigrationError(unknown_revision(wanted, None, script)) from error
    if found is None:  # "base"
        raise MigrationError(unknown_revision(wanted, None, script))
    return found
