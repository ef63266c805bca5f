"""Keeps copies of the revisions applied in development, in instance/applied.

When another branch is checked out, the database keeps its state, but the revision files that produced it
are gone or have another place in the chain. The copies make it possible to downgrade from there.
"""

import re
import shutil
from contextlib import suppress
from pathlib import Path

from .. import settings


def keep(path: Path, revision: str, digest: str) -> None:
    """Keep a copy of a revision file.

    If the copy cannot be written, the migration still succeeds; only the later downgrade is not possible.
    """
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
    """Return the copy of the file with this digest, or any copy of this revision."""
    return next(_folder().glob(f"{_stem(revision)}-{digest}.py"), None)


def _stem(revision: str) -> str:
    return re.sub(r"[^\w.]", "_", revision)


def _folder() -> Path:
    return settings.active().instance_folder / "applied"
