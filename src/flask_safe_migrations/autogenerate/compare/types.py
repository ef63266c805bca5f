"""Compare the types that the database reports with those it would report for the model."""

from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Column
from sqlalchemy.types import TypeEngine

from ...context import Comparison
from ..temporary_table import stored


def differ(
    migration: MigrationContext,
    _reflected: Column[Any],
    wanted: Column[Any],
    reflected_type: TypeEngine[Any],
    wanted_type: TypeEngine[Any],
) -> bool:
    """Compare two types, as `compare_type` of context.configure()."""
    wording, dialect = Comparison.of(migration).database.normalizer, migration.dialect
    is_now = reflected_type.compile(dialect)
    if wording.normalize_type(is_now) == wording.normalize_type(wanted_type.compile(dialect)):
        return False
    found = stored(migration, wanted.table)
    return found is not None and found.columns[wanted.name]["type"].compile(dialect) != is_now
