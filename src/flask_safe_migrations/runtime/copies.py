"""Copies of the revisions that were applied in development, in instance/applied: the way back from a branch.

A database stays where it is when another branch is checked out, and the files that brought it there are gone,
or stand in another place of the chain.
"""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from .. import settings


def keep(path: Path, revision: str, digest: str) -> None:
    """A copy that cannot be written only costs the way back, never the migration."""
    copy = _folder() / f"{_stem(revision)}-{digest}.py"
    if copy.exists():
        return
    unfinished = copy.with_suffix(".unfinished")
    with suppress(OSError):
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(path, unfinished)
            unfinished.replace(copy)
        finally:
            unfinished.unlink(missing_ok=True)


def find(revision: str, digest: str = "*") -> Path | None:
    """Return the copy of the file with this digest, or any of this revision."""
    return next(_folder().glob(f"{_stem(revision)}-{digest}.py"), None)


def _stem(revision: str) -> str:
    return re.sub(r"[^\w.]", "_", revision)


def _folder() -> Path:
    return settings.active().instance_folder / "applied"
