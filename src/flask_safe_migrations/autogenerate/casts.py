"""Add a USING clause to a change of type that the engine does not convert by itself."""

from typing import Any

from alembic.operations import ops
from alembic.runtime.migration import MigrationContext

from ..context import Comparison


def add_using_casts(migration: MigrationContext, operations: list[Any]) -> list[Any]:
    """Add the clauses in place. Upgrade and downgrade need different ones."""
    wording = Comparison.of(migration).database.normalizer
    for step in (step for operation in operations for step in getattr(operation, "ops", ())):
        if isinstance(step, ops.AlterColumnOp) and step.modify_type is not None:
            using = wording.cast(migration.dialect, step.column_name, step.existing_type, step.modify_type)
            step.kw["postgresql_using"] = using
    return operations
