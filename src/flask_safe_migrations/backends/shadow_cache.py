"""Caches shadow databases built from the history as files, so that a long history runs only once."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from .. import settings
from ..errors import MigrationError

if TYPE_CHECKING:
    from .base import Database

KEPT = 5  # enough for the branches that a developer switches between


def keep(database: "Database", key: str) -> None:
    """Write a file and remove the oldest ones. Nothing is kept if the engine's dump program is missing."""
    with suppress(MigrationError, DBAPIError, OSError):
        database.save_as(_path(database, key))
        files = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)


def recall(database: "Database", keys: Sequence[str]) -> str | None:
    """Load the first existing file; a file that cannot be loaded counts as missing."""
    for key in keys:
        path = _path(database, key)
        if path.exists():
            try:
                database.load(path)
                os.utime(path)  # mark it as recently used
            except (MigrationError, OSError):
                path.unlink(missing_ok=True)
                database.reset()
                continue
            return key
    return None


def _folder() -> Path:
    return settings.active().instance_folder / "shadow"


def _path(database: "Database", key: str) -> Path:
    return _folder() / f"{key[:32]}.{database.suffix}"
