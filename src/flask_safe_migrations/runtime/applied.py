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
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationInfo, RevisionStep
from alembic.script import Script, ScriptDirectory
from sqlalchemy import (
    ClauseElement,
    Column,
    Connection,
    DateTime,
    Dialect,
    Float,
    MetaData,
    String,
    Table,
    bindparam,
    inspect,
    literal_column,
    select,
)
from sqlalchemy.engine import Row
from sqlalchemy.schema import CreateTable

from .. import _compat, output, settings
from ..backends.base import APPLIED_TABLE, VERSION_TABLE, Database
from ..errors import MigrationError
from ..revisions import manifest
from ..revisions.files import digest
from ..settings import OWNER_LENGTH

# The columns that every release has written.
COLUMNS = ("revision", "content", "file", "applied_at", "applied_by", "seconds")


@cache
def _table(name: str) -> Table:
    """Return the table with this name: see Database.applied_table."""
    return Table(
        name,
        MetaData(),
        Column("revision", String(255), primary_key=True),
        Column("content", String(16), nullable=False),  # see manifest.content_digest()
        Column("file", String(16), nullable=False),  # lets an unchanged file be skipped without parsing it
        Column("applied_at", DateTime, nullable=False),  # UTC
        Column("applied_by", String(100), nullable=False),
        Column("seconds", Float, nullable=False),
        Column("application", String(OWNER_LENGTH)),  # see owner.py; None if an earlier release wrote it
    )


def find_table(connection: Connection, database: Database) -> Table | None:
    """Return the existing table for the version table of `database`, or None.

    Earlier releases used one table for all version tables. It belongs to this application if nobody uses
    the version table with the default name.
    """
    inspector = inspect(connection)
    if inspector.has_table(database.applied_table):
        return _table(database.applied_table)
    if database.applied_table == APPLIED_TABLE or not inspector.has_table(APPLIED_TABLE):
        return None
    own = database.version_table_schema in {None, inspector.default_schema_name} and database.version_table
    is_used = own != VERSION_TABLE and inspector.has_table(VERSION_TABLE)
    return None if is_used else _table(APPLIED_TABLE)


def has_owner(connection: Connection, table: Table) -> bool:
    """Return whether an existing table has the column with the application."""
    return any(column["name"] == "application" for column in inspect(connection).get_columns(table.name))


def create_table(connection: Connection, database: Database) -> None:
    """Create it before the first revision runs, as Alembic creates its own table, and record the owner."""
    own, found = _table(database.applied_table), find_table(connection, database)
    if found is not own:
        own.create(connection)
    if found is not None and found is not own:
        rows = select(*(found.c[name] for name in COLUMNS))
        connection.execute(own.insert().from_select(COLUMNS, rows))
    if found is own and not has_owner(connection, own):
        name = connection.dialect.identifier_preparer.format_table(own)
        connection.exec_driver_sql(f"ALTER TABLE {name} ADD COLUMN application VARCHAR({OWNER_LENGTH})")
    if found is not None:
        unowned = own.update().where(own.c.application.is_(None))
        connection.execute(unowned.values(application=settings.active().owner))


def make_row(step: RevisionStep, seconds: float) -> dict[str, Any]:
    """Return what record() writes for a revision that has just run; for a downgrade, only its id."""
    revision = step.revision
    return _make_row(revision, seconds) if step.is_upgrade else {"revision": revision.revision}


def record(connection: Connection, database: Database, rows: list[dict[str, Any]]) -> None:
    """Record revisions, inside the transaction that stores them."""
    table = _table(database.applied_table)
    deleted = [{"applied": row["revision"]} for row in rows]
    connection.execute(table.delete().where(table.c.revision == bindparam("applied")), deleted)
    if inserted := [row for row in rows if len(row) > 1]:
        connection.execute(table.insert(), inserted)


def write_sql(
    database: Database, script: ScriptDirectory, step: MigrationInfo, dialect: Dialect
) -> Iterator[str]:
    """Write as SQL what record() does: whoever runs the printed SQL of a revision has applied it."""
    table = _table(database.applied_table)
    for revision in filter(None, script.get_revisions(step.up_revision_ids)):
        yield _compile(table.delete().where(table.c.revision == revision.revision), dialect)
        if step.is_upgrade:
            row = _describe(revision, 0)
            del row["application"]  # a table of an earlier release does not have this column yet
            row["applied_at"] = literal_column(database.utc_now)
            row["applied_by"] = f"{_who()[:92]}, as SQL"
            yield _compile(table.insert().values(row), dialect)


def write_table_sql(database: Database, dialect: Dialect) -> str:
    """Write the SQL that creates the table, unless it exists."""
    return _compile(CreateTable(_table(database.applied_table), if_not_exists=True), dialect)


def _compile(statement: ClauseElement, dialect: Dialect) -> str:
    return str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True})).strip()


def stamp(connection: Connection, database: Database, script: ScriptDirectory, heads: set[str]) -> None:
    """Add a row for each revision that the database has after `flask db stamp`."""
    table = _table(database.applied_table)
    had = set(connection.scalars(select(table.c.revision)))
    revisions = {each.revision: each for each in script.iterate_revisions(tuple(heads) or "base", "base")}
    connection.execute(table.delete().where(table.c.revision.not_in(revisions)))
    if new := [_make_row(revisions[name], 0) for name in revisions.keys() - had]:
        connection.execute(table.insert(), new)


def _make_row(revision: Script, seconds: float) -> dict[str, Any]:
    row = _describe(revision, seconds)
    if settings.active().debug:
        _keep_copy(Path(revision.path), revision.revision, row["file"])
    return row


def _describe(revision: Script, seconds: float) -> dict[str, Any]:
    source = Path(revision.path).read_bytes()
    return {
        "revision": revision.revision,
        "content": manifest.content_digest(source.decode()),
        "file": _digest_file(source),
        "applied_at": datetime.now(UTC).replace(tzinfo=None),
        "applied_by": _who(),
        "seconds": round(seconds, 3),
        "application": settings.active().owner,
    }


def read_rows(database: Database) -> dict[str, Row[Any]]:
    with database.connect() as connection:
        return _read(connection, database)


def _read(connection: Connection, database: Database) -> dict[str, Row[Any]]:
    table = find_table(connection, database)
    if table is None:
        return {}
    columns = [table.c[name] for name in COLUMNS]
    return {row.revision: row for row in connection.execute(select(*columns))}


def changed(
    connection: Connection, database: Database, script: ScriptDirectory, heads: set[str]
) -> list[str]:
    """Return the revisions up to `heads` whose files differ from what ran here.

    Unknown heads are skipped.
    """
    known = heads & set(_compat.known_revisions(script))
    rows = _read(connection, database) if known else {}
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


def report_changed(
    connection: Connection, database: Database, script: ScriptDirectory, heads: set[str]
) -> bool:
    """Warn about changed revisions, and return whether there were any.

    Raises MigrationError if MIGRATION_REFUSE_CHANGED is set.
    """
    found = changed(connection, database, script, heads)
    for sentence in found:
        fix = "put the history back as it was, and make a new revision of the change"
        if settings.active().debug:  # a colleague may have changed it on purpose
            fix += "; or rebuild this development database, `flask db rebuild`"
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


@cache
def _who() -> str:
    """Return the user and the host of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # in a container, the user often has no name
        user = f"uid {os.getuid()}" if hasattr(os, "getuid") else "somebody"
    return f"{user}@{socket.gethostname()}"[:100]


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


def was_migrated(database: Database) -> bool:
    """Return whether this library has ever applied a revision to the database."""
    with database.connect() as connection:
        return find_table(connection, database) is not None


def find_copy(revision: str, digest: str = "*") -> Path | None:
    """Return the copy of the file with this digest, or any copy of this revision."""
    return next(_copies_folder().glob(f"{_escape(revision)}-{digest}.py"), None)


def _escape(revision: str) -> str:
    return re.sub(r"[^\w.]", "_", revision)


def _copies_folder() -> Path:
    return settings.active().instance_folder / "applied"
