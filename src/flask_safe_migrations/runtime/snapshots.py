"""The folder of snapshots: readable by its owner only, with the newest ten of each database.

It is instance/backups, or MIGRATION_BACKUP_DIR.
"""

import hashlib
import inspect
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.runtime.migration import RevisionStep

from .. import output, settings
from ..backends import client_programs
from ..backends.base import Database
from ..errors import MigrationError
from ..urls import find_address
from . import binds
from .heads import stored_heads

MAX_SNAPSHOTS = 10
NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z_.+\.(?P<digest>[0-9a-f]{12})\.\w+")
OLD_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z_")
DESTRUCTIVE = re.compile(r"drop_(column|table)|type_=|\b(DROP|DELETE|TRUNCATE|UPDATE)\b", re.IGNORECASE)


def folder() -> Path:
    current = settings.active()
    return current.backup_folder or current.instance_folder / "backups"


def digest(database: Database) -> str:
    """Return the digest that identifies this database in the names of its snapshots."""
    arguments = None if database.url.get_backend_name() == "sqlite" else client_programs.arguments(database)
    address = find_address(database.url, sockets=True, arguments=arguments)
    return hashlib.sha256(repr(address).encode()).hexdigest()[:12]


def list_snapshots(database: Database) -> list[Path]:
    """Return the snapshots of this database, oldest first: their names begin with the time."""
    return sorted(folder().glob(f"[0-9]*.{digest(database)}.{database.suffix}"))


def take(database: Database, revision: str) -> Path:
    """Write a snapshot, named by time, revision and database, and remove the oldest ones."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    name = re.sub(r"[^A-Za-z0-9._-]", "_", database.short_name)[:40]
    path = folder() / f"{now}_{revision[:60]}_{name}.{digest(database)}.{database.suffix}"
    for unfinished in folder().glob(f".*.{digest(database)}.{database.suffix}.*"):  # left by a killed process
        unfinished.unlink()
    database.check_tables()
    try:
        database.save_as(path)
    except OSError as error:
        raise MigrationError(
            f"No snapshot can be written to {folder()} ({error.strerror}), and nothing was changed: make it "
            "a folder in which you may write, or name another one in MIGRATION_BACKUP_DIR."
        ) from error
    for old in list_snapshots(database)[:-MAX_SNAPSHOTS]:
        old.unlink()
    return path


def find(database: Database, file: Path | None) -> Path:
    """Return the given file, or else the newest snapshot of the database; raises MigrationError."""
    found = list_snapshots(database)
    if file is None and not found:
        reason = ""
        if any(_has_old_name(path, database) for path in folder().glob("*")):
            reason = " by this release; those of an older release are restored when they are named"
        raise MigrationError(
            f"There is no snapshot of {database.short_name}{reason}: `flask db backup` takes one."
        )
    source = file or found[-1]
    for candidate in (source, folder() / source.name):
        if candidate.is_file():
            return candidate.resolve()
    names = ", ".join(path.name for path in found) or "none"
    raise MigrationError(f"There is no file {source}; the snapshots of {database.short_name} are: {names}.")


def find_owner(
    databases: list[Database], file: Path, known: list[Database], *, from_another: bool
) -> Database:
    """Return the one of `databases` into which to restore a snapshot; raises MigrationError.

    A snapshot is restored into the database from which it was taken. A file without the name of a snapshot
    is restored into the one database that --bind selects: whoever renamed it knows what it contains.

    :param databases: the databases that --bind selects. :param known: all databases of the application.
    :param from_another: allow restoring the snapshot of another database.
    """
    owners = _owners(known, file)
    matching = [each for each in databases if each.bind in [owner.bind for owner in owners or ()]]
    if owners is None or (from_another and not matching):
        if len(databases) > 1:
            labels = ", ".join(map(binds.label, databases))
            raise MigrationError(f"{file.name} can be restored into {labels}: say which with --bind.")
        return databases[0]
    if len(matching) == 1:
        return matching[0]
    hint = "add --from-another-database to restore it nevertheless"
    if matching:
        labels = ", ".join(map(binds.label, matching))
        raise MigrationError(f"{file.name} may be a snapshot of {labels}: say which with --bind.")
    if owners:
        raise MigrationError(
            f"{file.name} is a snapshot of the database {binds.label(owners[0])}, not of "
            f"{binds.label(databases[0])}: {hint}."
        )
    if len(databases) > 1:
        labels = ", ".join(map(binds.label, databases))
        raise MigrationError(f"{file.name} is a snapshot of none of {labels}: {hint}, with --bind.")
    raise MigrationError(f"{file.name} is a snapshot of another database than {databases[0]}: {hint}.")


def _owners(databases: list[Database], file: Path) -> list[Database] | None:
    """Return the databases that this may be a snapshot of, or None if its name does not show that."""
    if match := NAME.fullmatch(file.name):
        return [each for each in databases if digest(each) == match["digest"]]
    if OLD_NAME.match(file.name):
        named = [each for each in databases if _has_old_name(file, each)]
        longest = max((len(each.short_name) for each in named), default=0)
        return [each for each in named if len(each.short_name) == longest]
    return None


def _has_old_name(file: Path, database: Database) -> bool:
    """Return whether the file has a name from before version 0.2.

    Such a name ends in the name of the database, and the names of other databases may have the same ending.
    """
    return bool(OLD_NAME.match(file.name)) and file.name.endswith(f"_{database.short_name}.{database.suffix}")


def take_and_report(database: Database, heads: set[str] | None = None) -> Path:
    if heads is None:
        heads = stored_heads(database)
    path = take(database, "+".join(sorted(heads)) or "empty")
    output.line(f"Snapshot: {settings.active().relative(path)}")
    return path


def may_destroy(steps: Iterable[Any]) -> bool:
    """Return whether one of these revisions drops, deletes or changes a type, judging by its source."""
    functions = [step.migration_fn for step in steps if isinstance(step, RevisionStep)]
    return any(DESTRUCTIVE.search(inspect.getsource(function)) for function in functions)
