"""A downgrade that loses rows outside development needs confirmation.

The confirmation is --yes, or `-x yes` with plain alembic.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import Connection, column, func, inspect, select, table

from .. import _compat
from ..backends.base import Database
from ..context import choice
from ..errors import MigrationError
from .checks import outside_development
from .dropped import Drop, UnreadableError, by_downgrade


def allowed(database: Database, migration: MigrationContext, steps: list[Any]) -> bool:
    """Return whether rows will be lost outside development and the user has confirmed that.

    Raises MigrationError with the row counts if there is no confirmation. A downgrade past a squashed
    baseline is checked on every database: it removes everything, which is not what a downgrade by one step
    is meant to do.
    """
    word = _word(migration)
    back = [step for step in steps if isinstance(step, RevisionStep) and step.is_downgrade]
    squashed = any(getattr(step.revision.module, "replaces", None) for step in back)
    if word is None or not back or not (squashed or outside_development(database)):
        return False
    with database.connect(database.statement_limits()) as connection:
        try:
            loses, drops = "loses", _dropped(migration, back)
        except UnreadableError:
            loses = "may lose (its file does not say what it drops)"
            drops = {
                Drop(name)
                for name in inspect(connection).get_table_names()
                if name not in database.internal_tables
            }
        told = _count(connection, drops)
    if told and not word:
        raise MigrationError(
            f"This downgrade {loses} {', '.join(told)}, and nothing was changed: if that is meant, add --yes "
            "(plain alembic: -x yes before `downgrade`); a snapshot is taken first."
        )
    return bool(told)


def _word(migration: MigrationContext) -> bool | None:
    """Return whether the user has confirmed; None if code requests the downgrade and no user can be asked."""
    options = migration.config.cmd_opts if migration.config else None
    if "yes" in (getattr(options, "x", None) or []):
        return True
    if hasattr(options, "cmd"):  # plain alembic
        return False
    return choice().may_lose_rows


def _dropped(migration: MigrationContext, steps: Iterable[RevisionStep]) -> set[Drop]:
    drops: set[Drop] = set()
    for step in steps:
        drops |= by_downgrade(Path(step.revision.path), step.migration_fn.__name__)
        if not _compat.parents_and_dependencies(step.revision):  # down to base
            known = migration.opts["target_metadata"].tables.values()
            drops |= {Drop(known_table.name, None, known_table.schema) for known_table in known}
    return drops


def _count(connection: Connection, drops: set[Drop]) -> list[str]:
    """Return the number of rows or values in each of these; empty ones are left out."""
    inspector = inspect(connection)
    told = []
    for drop in sorted(drops, key=str):
        if not inspector.has_table(drop.table, drop.schema) or drop._replace(column=None) in drops - {drop}:
            continue
        columns = {found["name"] for found in inspector.get_columns(drop.table, drop.schema)}
        if drop.column and drop.column not in columns:
            continue
        counted = func.count(column(drop.column)) if drop.column else func.count()
        place = table(drop.table, schema=drop.schema)
        if number := connection.scalar(select(counted).select_from(place)):
            what = "value" if drop.column else "row"
            name = ".".join(filter(None, (drop.schema, drop.table, drop.column)))
            told.append(f"{name} ({number} {what}{'' if number == 1 else 's'})")
    return told
