"""Ignore what the application does not own: tables of extensions and of other applications, and views.

Like Alembic's own, each comparator of this package calls `include_name` and `include_object`, and logs
what it finds.
"""

import logging
import re
from collections.abc import Callable
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.util import PriorityDispatchResult
from sqlalchemy import MetaData, Table

from ..backends.base import Database
from ..context import Comparison
from ..revisions import files
from .operations import qualified_name

log = logging.getLogger("flask_safe_migrations.autogenerate")


def configure_logging() -> None:
    """Log below Alembic's loggers. A `fileConfig()` in env.py configures these and disables all others.

    https://docs.python.org/3/library/logging.config.html#logging.config.fileConfig
    """
    for logger in (log, logging.getLogger("flask_safe_migrations")):
        logger.disabled = False
    log.setLevel(logging.getLogger("alembic.autogenerate").getEffectiveLevel())


def include_name(
    database: Database, metadata: MetaData, *, every_schema: bool = False
) -> Callable[..., bool]:
    """Return a filter for context.configure(): the schemas of the models, without this library's own tables.

    :param every_schema: include all schemas of the database. If a schema is a database, other databases are
        still excluded.
    """
    own = database.library_tables | {database.applied_table}
    schemas = {table.schema for table in metadata.tables.values()} | {None}

    def include(name: str | None, kind: str, _parents: Any) -> bool:
        if kind == "schema":
            return name in schemas or (every_schema and database.has_schemas)
        if database.bind and not metadata.tables:
            return False  # a bind that has no models, or no longer any, is left alone
        return kind != "table" or name not in own

    return include


def include_object(thing: Any, _name: str, kind: str, reflected: bool, _other: Any) -> bool:
    """Ignore a view that is mapped as a model with Table(…, info={"is_view": True})."""
    return kind != "table" or reflected or not thing.info.get("is_view")


def is_name_included(
    context: AutogenContext, kind: Any, name: str | None, schema: str | None, table: str | None = None
) -> bool:
    """Apply `include_name` to an object of the database."""
    parents: Any = {"schema_name": schema, "table_name": table}
    return context.run_name_filters(name, kind, parents)


def is_table_included(context: AutogenContext, table: Table) -> bool:
    """Apply `include_object` to a table of the models."""
    return context.run_object_filters(table, table.name, "table", False, None)


def keep_unmanaged_tables(
    context: AutogenContext, upgrade: ops.UpgradeOps, _schemas: Any
) -> PriorityDispatchResult:
    """After the comparison of tables: do not drop a table that belongs to others.

    This is one that no revision mentions, or one that is dropped together with another table.
    """
    migration = context.migration_context
    dropped = [_table(step) for step in upgrade.ops if isinstance(step, ops.DropTableOp)]
    dependent = _dependent_tables(migration) if dropped else set()
    kept = {}
    for schema, name in dropped:
        if (schema, name) in dependent:
            kept[schema, name] = "it belongs to another table"
        elif is_unmanaged(migration, str(name)):
            kept[schema, name] = "no revision names it"
    for (schema, name), reason in sorted(kept.items(), key=str):
        log.info("Ignoring table %r: %s", qualified_name(schema, name), reason)
    upgrade.ops[:] = [step for step in upgrade.ops if _table(step) not in kept]
    return PriorityDispatchResult.CONTINUE


def _dependent_tables(migration: MigrationContext) -> set[tuple[str | None, str]]:
    connection: Any = migration.connection
    return Comparison.of(migration).database.dependent_tables(connection)


def is_unmanaged(migration: MigrationContext, name: str) -> bool:
    """Return whether a table or type belongs to others. In a shadow database, only those of extensions do."""
    connection: Any = migration.connection
    if name in Comparison.of(migration).database.normalizer.of_extensions(connection):
        return True
    return not Comparison.of(migration).is_shadow and not re.search(
        rf"\b{re.escape(name)}\b", _revisions(migration)
    )


def _revisions(migration: MigrationContext) -> str:
    environment: Any = migration.environment_context
    return "\n".join(path.read_text(encoding="utf-8") for path in files.paths(environment.script))


def _table(step: Any) -> tuple[str | None, str | None]:
    return getattr(step, "schema", None), getattr(step, "table_name", None)
