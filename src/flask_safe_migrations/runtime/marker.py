"""Marks a database as used outside development, where its name and location do not show it.

Examples are a SQLite file in the project folder on a server, or a database whose name happens to end in
_test.
"""

from contextlib import suppress
from datetime import UTC, datetime

from sqlalchemy import Column, MetaData, String, Table, inspect, select
from sqlalchemy.exc import DBAPIError

from .. import settings
from ..backends.base import Database

# In Database.library_tables: does not count as a difference from the models.
MARKER = Table("migration_marker", MetaData(), Column("outside_development_since", String(10)))


def keep(database: Database) -> None:
    """Set the mark after a migration, if the application does not run in development."""
    # If the mark cannot be written now, the next migration writes it: the revisions are already applied.
    with suppress(DBAPIError):
        if not marked_since(database) and _belongs_on(database):
            _write(database)


def settle(new: Database, database: Database) -> None:
    """Mark the database that will replace `database`, or remove a mark that came with a snapshot."""
    if _belongs_on(database):
        _write(new)
    else:
        with new.connect() as connection:
            MARKER.drop(connection, checkfirst=True)
            connection.commit()


def marked_since(database: Database) -> str | None:
    """Return the day on which the mark was set, or None."""
    if not database.exists():
        return None
    with database.connect() as connection:
        if not inspect(connection).has_table(MARKER.name):
            return None
        return connection.scalar(select(MARKER.c.outside_development_since))


def _belongs_on(database: Database) -> bool:
    current = settings.active()
    in_use = not (current.debug or current.testing)
    return in_use and database.why_not_development(current.project_folder) is None


def _write(database: Database) -> None:
    with database.connect() as connection:
        MARKER.create(connection, checkfirst=True)
        if connection.execute(select(MARKER)).first() is None:
            connection.execute(MARKER.insert().values([f"{datetime.now(UTC):%Y-%m-%d}"]))
        connection.commit()
