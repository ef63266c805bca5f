"""Checks before the first revision runs, and the mark of a database that is used outside development.

Its name and location do not always show that: examples are a SQLite file in the project folder on a server,
or a database whose name happens to end in _test.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import DBAPIError

from .. import _compat, output, settings
from ..backends.base import Database
from ..errors import MigrationError, first_line
from ..revisions.files import ID_LENGTH, explain_long_id
from . import owner
from .heads import describe, read_heads, unknown_revision

# In Database.library_tables: does not count as a difference from the models.
MARKER = Table("migration_marker", MetaData(), Column("outside_development_since", String(10)))
# Relative to where the database is, unlike head-1.
RELATIVE = re.compile(r"(?:.+@)?[+-]\d+")


def refuse_tables_without_revision(migration: MigrationContext) -> None:
    """Refuse a database that has the application's tables but no revision.

    Such a database was not created by the migrations.
    """
    if migration.get_current_heads() or migration.connection is None:
        return
    known = migration.opts["target_metadata"].tables
    tables = sorted(set(inspect(migration.connection).get_table_names()) & set(known))
    if tables:
        raise MigrationError(
            f"The database has tables ({', '.join(tables)}) but no revision: create_all(), another tool or "
            "a first migration that failed half-way made them. `flask db adopt` compares them with the "
            "models, and takes them over where they match; for a development database `flask db rebuild`."
        )


def refuse_unfinished(revision: Script) -> None:
    """Refuse a data revision whose VALUES are as they were generated. It would pass where no row matches."""
    values = getattr(revision.module, "VALUES", None)
    if isinstance(values, dict) and ... in values.values():
        raise MigrationError(
            f"{Path(revision.path).name} does not say yet what the rows get: replace the ... in VALUES."
        )


def refuse_long_id(migration: MigrationContext, revision: Script) -> None:
    """Refuse an id that the version table cannot hold, which the server would find after the revision."""
    name = revision.revision
    if len(name) <= ID_LENGTH:
        return
    options, length = migration.opts, _compat.version_id_length(migration)
    table, schema = options.get("version_table", "alembic_version"), options.get("version_table_schema")
    if migration.connection is not None and (found := inspect(migration.connection)).has_table(table, schema):
        columns = {column["name"]: column["type"] for column in found.get_columns(table, schema)}
        length = getattr(columns.get("version_num"), "length", None)
    if length is not None and len(name) > length:
        raise MigrationError(
            f"{explain_long_id(name, length)} Shorten it in {Path(revision.path).name}, and in the "
            "down_revision of the file after it."
        )


def refuse_unknown(database: Database, script: ScriptDirectory, heads: set[str]) -> None:
    """Refuse a database of another application, or at an unknown revision, as one from another branch."""
    if heads:
        with database.connect() as connection:
            owner.refuse_other_application(connection, database)
    for head in heads - set(_compat.known_revisions(script)):
        raise MigrationError(unknown_revision(head, database, script))


def refuse_ambiguous_downgrade(script: ScriptDirectory, heads: tuple[str, ...]) -> None:
    """Refuse `flask db downgrade -1` of a database at several heads: Alembic would choose one of them."""
    if len(heads) > 1:
        raise MigrationError(
            f"The database is at {describe(script, set(heads))}, and nothing was changed: name the revision "
            "to go back to (`flask db downgrade REV`; `flask db history` lists them)."
        )


def refuse_relative(script: ScriptDirectory, databases: list[Database], destination: str | None) -> None:
    """Refuse `flask db downgrade -1` if the databases are at different revisions.

    They are after a downgrade that failed in one of them. Called again, it would go back further in others.
    """
    if not RELATIVE.fullmatch(str(destination)):
        return
    with suppress(DBAPIError):  # a database that does not answer is reported when its turn comes
        found = {each.bind or "default": read_heads(each) if each.exists() else set() for each in databases}
        if len(set(map(frozenset, found.values()))) > 1:
            places = ", ".join(f"{name} at {describe(script, heads)}" for name, heads in found.items())
            raise MigrationError(
                f"{destination} would lead each database somewhere else ({places}), and nothing was changed: "
                "name the revision instead, or one of the databases with --bind."
            )


def list_head_files(script: ScriptDirectory) -> list[str]:
    """Return the file names of the newest revisions: one, unless there are branches."""
    return sorted(Path(script.get_revision(head).path).name for head in script.get_heads())


def refuse_several_heads(script: ScriptDirectory, then: str) -> None:
    """Refuse a command that needs a single head; `then` says what to do once there is one."""
    names = list_head_files(script)
    if len(names) > 1:
        raise MigrationError(
            f"There are {len(names)} newest revisions, {' and '.join(names)}, and nothing was changed: "
            "`flask db rebase` puts yours on top of theirs "
            f'(or join them: `flask db merge heads -m "…"`), then {then}.'
        )


def outside_development(database: Database) -> str | None:
    """Return the reason why this is not a development database, or None if it is one."""
    if not settings.active().debug:
        return "the application does not run in development (FLASK_DEBUG=1)"
    if reason := database.why_not_development(settings.active().project_folder):
        return reason
    if since := _marked_since(database):
        return f"it was migrated with FLASK_DEBUG=0 on {since}, so it is used outside development"
    return None


def refuse_outside_development(database: Database, destroy: str | None) -> None:
    """Refuse to replace a database outside development, unless `destroy` is its exact name."""
    if destroy == database.short_name:
        return
    reason = outside_development(database)
    if destroy:
        reason = f"its name is {database.short_name}, not {destroy}"
    if reason:
        raise MigrationError(
            f"This database is not touched: {reason}. "
            f"If that is what you want, add --yes-destroy {output.quote(database.short_name)}."
        )


def mark_if_in_use(database: Database) -> None:
    """Set the mark after a migration, if the application does not run in development."""
    try:
        if _is_in_use(database) and not _read_mark(database):
            _write_mark(database)
    except DBAPIError as error:  # the revisions are already applied, so this is not a failure
        output.notice(
            f"{database} could not be marked as one that is used outside development, so `flask db rebuild` "
            f"would not refuse it ({first_line(error.orig)}): let its user create the table {MARKER.name}."
        )


def transfer_mark(new: Database, database: Database) -> None:
    """Mark the database that will replace `database`, or remove a mark that came with a snapshot."""
    if _is_in_use(database):
        _write_mark(new)
    else:
        with new.connect() as connection:
            MARKER.drop(connection, checkfirst=True)
            connection.commit()


def _marked_since(database: Database) -> str | None:
    """Return the day on which the mark was set, or None, also for a database that does not exist."""
    return _read_mark(database) if database.exists() else None


def _read_mark(database: Database) -> str | None:
    with database.connect() as connection:
        if not inspect(connection).has_table(MARKER.name):
            return None
        return connection.scalar(select(MARKER.c.outside_development_since))


def _is_in_use(database: Database) -> bool:
    current = settings.active()
    in_use = not (current.debug or current.testing)
    return in_use and database.why_not_development(current.project_folder) is None


def _write_mark(database: Database) -> None:
    with database.connect() as connection:
        MARKER.create(connection, checkfirst=True)
        if connection.execute(select(MARKER)).first() is None:
            connection.execute(MARKER.insert().values([f"{datetime.now(UTC):%Y-%m-%d}"]))
        connection.commit()
