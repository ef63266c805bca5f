"""Records which revisions were applied, with the file's digest, the time, the user and the duration.

If a revision file was changed after it was applied, the database does not contain that revision as it is
now. In development, a copy of each applied revision is kept in instance/applied: when another branch is
checked out, the database keeps its state, but the files that produced it are gone or have another place in
the chain. The copies make it possible to downgrade from there.
"""

import getpass
import os
import re
import shutil
import socket
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from alembic.runtime.migration import RevisionStep
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column, Connection, DateTime, Float, MetaData, String, Table, inspect, select
from sqlalchemy.engine import Row

from .. import _compat, output, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import manifest
from ..revisions.files import digest

# In Database.library_tables: does not count as a difference from the models.
APPLIED = Table(
    "migration_applied",
    MetaData(),
    Column("revision", String(255), primary_key=True),
    Column("content", String(16), nullable=False),  # see manifest.content_digest()
    Column("file", String(16), nullable=False),  # lets an unchanged file be skipped without parsing it
    Column("applied_at", DateTime, nullable=False),  # UTC
    Column("applied_by", String(100), nullable=False),
    Column("seconds", Float, nullable=False),
)


def create_table(connection: Connection) -> None:
    """Create it before the first revision runs, as Alembic creates its own table."""
    APPLIED.create(connection, checkfirst=True)


def record(connection: Connection, step: RevisionStep, seconds: float) -> None:
    """Record a revision, inside the transaction that stores it."""
    revision: Script = step.revision
    connection.execute(APPLIED.delete().where(APPLIED.c.revision == revision.revision))
    if step.is_upgrade:
        _insert(connection, revision, seconds)


def stamp(connection: Connection, script: ScriptDirectory, heads: set[str]) -> None:
    """Add a row for each revision that the database has after `flask db stamp`."""
    had = set(connection.scalars(select(APPLIED.c.revision)))
    revisions = {each.revision: each for each in script.iterate_revisions(tuple(heads) or "base", "base")}
    connection.execute(APPLIED.delete().where(APPLIED.c.revision.not_in(revisions)))
    for name in revisions.keys() - had:
        _insert(connection, revisions[name], 0)


def _insert(connection: Connection, revision: Script, seconds: float) -> None:
    path = Path(revision.path)
    source = path.read_bytes()
    row: dict[str, Any] = {
        "revision": revision.revision,
        "content": manifest.content_digest(source.decode()),
        "file": _digest_file(source),
        "applied_at": datetime.now(UTC).replace(tzinfo=None),
        "applied_by": f"{_user()}@{socket.gethostname()}"[:100],
        "seconds": round(seconds, 3),
    }
    connection.execute(APPLIED.insert().values(row))
    if settings.active().debug:
        _keep_copy(path, revision.revision, row["file"])


def read_rows(database: Database) -> dict[str, Row[Any]]:
    with database.connect() as connection:
        return _read(connection)


def _read(connection: Connection) -> dict[str, Row[Any]]:
    if not inspect(connection).has_table(APPLIED.name):
        return {}
    return {row.revision: row for row in connection.execute(select(APPLIED))}


def changed(connection: Connection, script: ScriptDirectory, heads: set[str]) -> list[str]:
    """Return the revisions up to `heads` whose files differ from what ran here.

    Unknown heads are skipped.
    """
    known = heads & set(_compat.known_revisions(script))
    rows = _read(connection) if known else {}
    found, later = [], ""
    for revision in script.iterate_revisions(tuple(known), "base") if rows else ():
        row, path = rows.pop(revision.revision, None), Path(revision.path)
        if row is None:
            # Revisions applied before this table existed precede all that it lists.
            if rows and later:
                found.append(f"{path.name} was never applied here, and {later}, which comes after it, was")
            continue
        later = path.name
        if _differs(row, path, getattr(revision.module, "replaced_content", None)):
            when = f"{row.applied_at:%Y-%m-%d %H:%M} UTC by {row.applied_by}"
            found.append(f"{path.name} was changed after it was applied here ({when})")
    return found


def report_changed(connection: Connection, script: ScriptDirectory, heads: set[str]) -> bool:
    """Warn about changed revisions, and return whether there were any.

    Raises MigrationError if MIGRATION_REFUSE_CHANGED is set.
    """
    found = changed(connection, script, heads)
    for sentence in found:
        fix = "put the history back as it was, and make a new revision of the change"
        if settings.active().refuse_changed:
            raise MigrationError(f"{sentence}, and MIGRATION_REFUSE_CHANGED is set: {fix}.")
        output.notice(f"Warning: {sentence}: {fix}.")
    return bool(found)


def _differs(row: Row[Any], file: Path, replaced: str | None) -> bool:
    """Return whether the file differs from what ran here.

    `replaced` is the digest that a squashed baseline records for the file that it replaced.
    """
    source = file.read_bytes()
    return row.file != _digest_file(source) and row.content not in {
        manifest.content_digest(source.decode()),
        replaced,
    }


def _digest_file(source: bytes) -> str:
    return digest([source.replace(b"\r\n", b"\n").decode()])[:16]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, the user often has no name
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "somebody"


def _keep_copy(path: Path, revision: str, digest: str) -> None:
    """Keep a copy of a revision file.

    If the copy cannot be written, the migration still succeeds; only the later downgrade is not possible.
    """
    copy = _copies_folder() / f"{_escape(revision)}-{digest}.py"
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


def find_copy(revision: str, digest: str = "*") -> Path | None:
    """Return the copy of the file with this digest, or any copy of this revision."""
    return next(_copies_folder().glob(f"{_escape(revision)}-{digest}.py"), None)


def _escape(revision: str) -> str:
    return re.sub(r"[^\w.]", "_", revision)


def _copies_folder() -> Path:
    return settings.active().instance_folder / "applied"
