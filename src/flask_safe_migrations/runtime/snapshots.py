"""The folder of snapshots, readable by its owner only, with the newest ten of each database.

It is instance/backups, or MIGRATION_BACKUP_DIR.
"""

import inspect
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.runtime.migration import RevisionStep

from .. import output, settings
from ..backends.base import Database
from .heads import stored_heads

KEPT = 10
DESTRUCTIVE = re.compile(r"drop_(column|table)|type_=|\b(DROP|DELETE|TRUNCATE|UPDATE)\b", re.IGNORECASE)


def folder() -> Path:
    current = settings.active()
    return current.backup_folder or current.instance_folder / "backups"


def of(database: Database) -> list[Path]:
    """Return the snapshots of this database, oldest first: their names begin with the time."""
    return sorted(folder().glob(f"*_{database.short_name}.{database.suffix}"))


def take(database: Database, revision: str) -> Path:
    """Write a snapshot, named by time and revision, and let the oldest go."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    path = folder() / f"{now}_{revision}_{database.short_name}.{database.suffix}"
    for left in folder().glob(f".*_{database.short_name}.{database.suffix}.*"):  # by one that was killed
        left.unlink()
    database.save_as(path)
    for old in of(database)[:-KEPT]:
        old.unlink()
    return path


def take_and_report(database: Database, heads: set[str] | None = None) -> Path:
    if heads is None:
        heads = stored_heads(database)
    path = take(database, "+".join(sorted(heads)) or "empty")
    output.line(f"Snapshot: {settings.active().relative(path)}")
    return path


def may_destroy(steps: Iterable[Any]) -> bool:
    """Whether one of these revisions drops, deletes or changes a type, as far as its text shows."""
    functions = [step.migration_fn for step in steps if isinstance(step, RevisionStep)]
    return any(DESTRUCTIVE.search(inspect.getsource(function)) for function in functions)
