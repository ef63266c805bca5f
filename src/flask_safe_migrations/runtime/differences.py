"""Differences between the models and a database, in both directions."""

from collections.abc import Callable
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData
from sqlalchemy.schema import CreateIndex, CreateTable

from ..backends.base import Database
from ..revisions.files import digest
from . import runner


def every(_table: str) -> bool:
    return True


def from_models(database: Database, script: ScriptDirectory, only: Callable[[str], bool]) -> list[str]:
    """Return the differences between a shadow database and the models, in the tables that `only` accepts."""
    found: list[Any] = []

    def compare(_heads: Any, migration: MigrationContext) -> list[Any]:
        _restrict(migration.opts, only)
        made: Any = produce_migrations(migration, migration.opts["target_metadata"])
        found.extend(made.upgrade_ops.as_diffs())
        return []

    runner.look(database, script, compare)
    return [" ".join(map(str, part)) for part in map(_flat, found)]


def _restrict(options: dict[str, Any], only: Callable[[str], bool]) -> None:
    """Restrict both sides: the database, before it is read, and the models."""
    names, objects = options.get("include_name"), options.get("include_object")

    def include_name(name: str, kind: str, parents: Any) -> bool:
        wanted = kind != "table" or only(parents["schema_qualified_table_name"])
        return wanted and (names is None or names(name, kind, parents))

    def include_object(item: Any, name: str, kind: str, reflected: bool, other: Any) -> bool:
        wanted = kind != "table" or only(item.fullname)
        return wanted and (objects is None or objects(item, name, kind, reflected, other))

    options |= {"include_name": include_name, "include_object": include_object}


def _flat(difference: Any) -> list[Any]:
    """Flatten the nested list of a changed column.

    A Column must not be compared with ==, because that creates an SQL expression.
    """
    parts = difference if isinstance(difference, list) else [difference]
    return [item for part in parts for item in part if item is not None and not isinstance(item, dict)]


def fingerprint(metadata: MetaData, database: Database) -> str:
    """Return a digest of the models: of the DDL that creates them on this engine."""
    dialect = database.url.get_dialect()()
    elements: list[Any] = []
    for table in metadata.sorted_tables:
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        elements += [CreateTable(table), *map(CreateIndex, indexes)]
    return digest(str(element.compile(dialect=dialect)) for element in elements)
