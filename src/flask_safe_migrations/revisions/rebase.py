"""Puts revisions on top of others: which ones, in which order, and what changes in their files."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from graphlib import TopologicalSorter
from pathlib import Path

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from .files import PARENTS, File


@dataclass(frozen=True)
class Plan:
    """`movers`, parents first, go on top of `tip`, the newest of those that stay."""

    movers: list[File]
    tip: File | None

    @property
    def is_done(self) -> bool:
        """Whether they stand in a row there already."""
        parents = [self.tip, *self.movers]
        return all(
            mover.parents == ((parent.revision,) if parent else ())
            for parent, mover in zip(parents, self.movers, strict=False)
        )


def plan(files: list[File], staying: set[str], listed: list[str]) -> Plan:
    """Say what moves: what is not among `staying`, what has lost its parent, and all that comes after these.

    `listed` is the order in migrations/HEAD, for those that git has brought side by side.
    """
    there = {file.revision for file in files}
    movers = {
        file.revision: file
        for file in files
        if file.revision not in staying or not set(file.parents) <= there
    }
    while more := [
        file for file in files if file.revision not in movers and movers.keys() & set(file.parents)
    ]:
        movers |= {file.revision: file for file in more}
    stay = [file for file in files if file.revision not in movers]
    parents = {parent for file in stay for parent in file.parents}
    tips = [file for file in stay if file.revision not in parents]
    if len(tips) > 1:
        names = " and ".join(file.path.name for file in tips)
        raise MigrationError(
            f"Git does not say which of {names} is yours: name the one to be moved "
            '(`flask db rebase --move REV`), or join them with `flask db merge heads -m "…"`.'
        )
    for file in movers.values():
        if len(file.parents) > 1:
            raise MigrationError(
                f"{file.path.name} joins two branches: delete it, then `flask db rebase` again."
            )
    return Plan(_in_a_row(movers, listed), tips[0] if tips else None)


def _in_a_row(movers: dict[str, File], listed: list[str]) -> list[File]:
    places = {revision: place for place, revision in enumerate(listed)}
    sorter = TopologicalSorter({name: movers.keys() & set(file.parents) for name, file in movers.items()})
    sorter.prepare()
    row: list[File] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), key=lambda name: (places.get(name, len(places)), name))
        row += [movers[name] for name in ready]
        sorter.done(*ready)
    return row


def move(plan: Plan, script: ScriptDirectory, now: datetime) -> list[Path]:
    """Write the files anew under names of today, in their order; return them."""
    parent = plan.tip.revision if plan.tip else None
    moved = []
    for ahead, mover in zip(range(len(plan.movers) - 1, -1, -1), plan.movers, strict=True):
        created = now - timedelta(minutes=ahead)  # names are sorted by the minute
        moved.append(_rewrite(mover, parent, script, created))
        parent = mover.revision
    return moved


def _rewrite(mover: File, parent: str | None, script: ScriptDirectory, created: datetime) -> Path:
    text = mover.path.read_text(encoding="utf-8")
    text = PARENTS.sub(lambda found: found[0].replace(found[1], _literal(parent)), text, count=1)
    text = re.sub(r"^Revises:.*$", f"Revises: {parent or ''}".rstrip(), text, count=1, flags=re.MULTILINE)
    date = f"Create Date: {created:%Y-%m-%d %H:%M:%S}"
    text = re.sub(r"^Create Date:.*$", date, text, count=1, flags=re.MULTILINE)
    message = next(iter(re.findall(r'^[ru]*"""(.*?)(?:"""|\n|$)', text)), "")
    new = script._rev_path(mover.path.parent, mover.revision, message, created)
    mover.path.write_text(text, encoding="utf-8", newline="\n")
    return mover.path.rename(new)


def _literal(parent: str | None) -> str:
    return f'"{parent}"' if parent else "None"
