"""Read how the database stores a table of the models: its text for types, defaults and checks."""

import warnings
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Table, inspect
from sqlalchemy.exc import DBAPIError, SAWarning

from ... import output
from ...backends.base import Database
from ...context import Comparison


@dataclass(frozen=True)
class StoredTable:
    """A table as the database stores it."""

    # By name, as reflected by SQLAlchemy.
    columns: dict[str, Any]
    checks: dict[str, str]
    # Indexes and exclusion constraints: the engine's text by name.
    definitions: dict[str, str]


def read_stored_table(migration: MigrationContext, table: Table) -> StoredTable | None:
    """Create `table` as a temporary table and reflect it, at most once, and only if texts differ.

    Return None if the server cannot create it. This is reported, and the texts then count as equal.
    """
    known = migration.opts.setdefault("stored", {})
    if table.key not in known:
        known[table.key] = _read(migration, table)
    found: StoredTable | None = known[table.key]
    return found


def _read(migration: MigrationContext, table: Table) -> StoredTable | None:
    database: Database = Comparison.of(migration).database
    connection: Any = migration.connection
    try:
        with warnings.catch_warnings(), database.normalizer.temporary_copy(connection, table) as scratch:
            warnings.simplefilter("ignore", SAWarning)
            inspector = inspect(scratch)
            return StoredTable(
                columns={column["name"]: column for column in inspector.get_columns(table.name)},
                checks={
                    str(check["name"]): check["sqltext"]
                    for check in inspector.get_check_constraints(table.name)
                },
                definitions=database.normalizer.definitions(scratch, table.name),
            )
    except DBAPIError as error:
        reason = str(error.orig).partition("\n")[0]
        output.notice(
            f"Table {table.fullname} could not be compared in full, for lack of a temporary one: {reason}"
        )
        return None
