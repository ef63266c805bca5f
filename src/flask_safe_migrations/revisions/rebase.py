"""Moves revisions on top of others: selects and sorts them, and rewrites their files."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import _compat
from ..errors import MigrationError
from .files import PARENTS, RevisionFile


@dataclass(frozen=True)
class Plan:
    """Which revisions move.

    :param moved: the revisions that move, parents first.
    :param tip: the newest revision that stays; they move on top of it.
    """

    moved: list[RevisionFile]
    tip: RevisionFile | None

    @property
    def is_done(self) -> bool:
        """Whether they already follow the tip in one chain."""
        parents = [self.tip, *self.moved]
        return all(
            file.parents == ((parent.revision,) if parent else ())
            for parent, file in zip(parents, self.moved, strict=False)
        )


def make_plan(files: list[RevisionFile], staying: set[str], listed: list[str]) -> Plan:
    """Select what moves: all revisions not in `staying` or without their parent, and their descendants.

    :param staying: the ids of the revisions that keep their place.
    :param listed: the ids in migrations/HEAD, whose order decides between siblings.
    :raises MigrationError: where several branches stay, a merge revision would move, or a baseline contains
        revisions that would have to come after others.
    """
    _refuse_early_squash(files, staying)
    existing = {file.revision for file in files}
    moved = {
        file.revision: file
        for file in files
        if file.revision not in staying or not set(file.parents) <= existing
    }
    while more := [file for file in files if file.revision not in moved and moved.keys() & set(file.parents)]:
        moved |= {file.revision: file for file in more}
    stay = [file for file in files if file.revision not in moved]
    parents = {parent for file in stay for parent in file.parents}
    tips = [file for file in stay if file.revision not in parents]
    if len(tips) > 1:
        names = " and ".join(file.path.name for file in tips)
        raise MigrationError(
            f"Git does not say which of {names} is yours: name the one to move "
            '(`flask db rebase --move REV`), or join them with `flask db merge heads -m "…"`.'
        )
    for file in moved.values():
        if len(file.parents) > 1:
            raise MigrationError(
                f"{file.path.name} joins two branches: delete it, then `flask db rebase` again."
            )
    return Plan(_sort(moved, listed), tips[0] if tips else None)


def _refuse_early_squash(files: list[RevisionFile], staying: set[str]) -> None:
    """Refuse a baseline that contains new revisions where a revision that stays comes after an older one.

    Neither can go on top of the other: databases have the one that stays, and not the new ones.
    """
    baselines = [file for file in files if file.replaces and file.revision not in staying]
    for file in [file for file in files if file.revision in staying]:
        for baseline in baselines:
            if folded := set(file.parents) & {*baseline.replaces}:
                raise MigrationError(
                    f"{file.path.name} comes after {', '.join(sorted(folded))}, which "
                    f"{baseline.path.name} folds together with newer revisions of the other branch, and "
                    "nothing was changed: take the merge back (`git merge --abort`), undo that squash "
                    "(`git revert`), merge, then squash."
                )


def _sort(moved: dict[str, RevisionFile], listed: list[str]) -> list[RevisionFile]:
    """Sort by parents first, then by the order in `listed`, then by id."""
    positions = {revision: position for position, revision in enumerate(listed)}
    sorter = TopologicalSorter({name: moved.keys() & set(file.parents) for name, file in moved.items()})
    sorter.prepare()
    ordered: list[RevisionFile] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: (positions.get(name, len(positions)), name))
        ordered += [moved[name] for name in ready]
        sorter.done(*ready)
    return ordered


def move_files(plan: Plan, script: ScriptDirectory, now: datetime) -> list[Path]:
    """Rewrite the files for their new parents, and rename them to the current date; return the paths."""
    parent = plan.tip.revision if plan.tip else None
    paths = []
    for minutes, file in zip(range(len(plan.moved) - 1, -1, -1), plan.moved, strict=True):
        created = now - timedelta(minutes=minutes)  # file names contain the minute, and sort by it
        paths.append(_rewrite(file, parent, script, created))
        parent = file.revision
    return paths


def _rewrite(file: RevisionFile, parent: str | None, script: ScriptDirectory, created: datetime) -> Path:
    text = file.path.read_text(encoding="utf-8")
    text = PARENTS.sub(lambda match: match[0].replace(match[1], _quote(parent)), text, count=1)
    text = re.sub(r"^Revises:.*$", f"Revises: {parent or ''}".rstrip(), text, count=1, flags=re.MULTILINE)
    date = f"Create Date: {created:%Y-%m-%d %H:%M:%S}"
    text = re.sub(r"^Create Date:.*$", date, text, count=1, flags=re.MULTILINE)
    message = next(iter(re.findall(r'^[ru]*"""(.*?)(?:"""|\n|$)', text)), "")
    new = _compat.revision_path(script, file.path.parent, file.revision, message, created)
    file.path.write_text(text, encoding="utf-8", newline="\n")
    return file.path.rename(new)


def _quote(parent: str | None) -> str:
    return f'"{parent}"' if parent else "None"
