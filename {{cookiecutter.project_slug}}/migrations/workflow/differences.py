"""What the models have that a database has not, and the other way round."""

from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from ..engines.base import Database
from . import history
from .files import digest


def from_models(database: Database, script: ScriptDirectory) -> list[str]:
    """Say how a throwaway database differs from the models, as autogenerate sees it."""
    found: list[Any] = []

    def compare(_heads: Any, migration: MigrationContext) -> list[Any]:
        found.extend(produce_migrations(migration, migration.opts["target_metadata"]).upgrade_ops.as_diffs())
        return []

    history.look(database, script, compare)
    return [" ".join(map(str, part)) for part in map(_flat, found)]


def _flat(difference: Any) -> list[Any]:
    """A changed column comes as a list of its changes; a Column must not be compared, that makes SQL."""
    parts = difference if isinstance(difference, list) else [difference]
    return [item for part in parts for item in part if item is not None and not isinstance(item, dict)]


def fingerprint(metadata: MetaData, database: Database) -> str:
    """Return a digest of the models, as the DDL that would create them on this engine."""
    dialect = database.url.get_dialect()()
    elements: list[Any] = []
    for table in metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        elements += [CreateTable(table), *map(CreateIndex, indexes)]
    return digest(str(element.compile(dialect=dialect)) for element in elements)
