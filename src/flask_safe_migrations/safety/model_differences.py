"""How the models differ from a shadow database, in words: what the next revision would do."""

from collections.abc import Callable, Iterator
from typing import Any

from alembic.autogenerate import produce_migrations
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .. import runtime
from ..backends.base import Database
from .description import describe
from .recorder import RecordedOperation


def all_tables(_table: str) -> bool:
    return True


def find_model_differences(
    database: Database, script: ScriptDirectory, includes: Callable[[str], bool] = all_tables
) -> list[str]:
    """Return a line such as "adds column users.email (VARCHAR(50), nullable)" for each difference.

    :param database: a shadow database at the newest revision.
    :param includes: whether a table is compared.
    """
    found: list[str] = []

    def compare(_heads: Any, migration: MigrationContext) -> list[Any]:
        _restrict(migration.opts, includes)
        generated: Any = produce_migrations(migration, migration.opts["target_metadata"])
        operations = [
            RecordedOperation(operation, 0, dialect=migration.dialect)
            for operation in _flatten(generated.upgrade_ops)
        ]
        # Sorted: Alembic finds what was removed in any order.
        found.extend(sorted(describe(operations)))
        # What has changed, and is to be written by hand.
        found.extend(migration.opts.get("refused", ()))
        return []

    runtime.look(database, script, compare)
    return found


def _restrict(options: dict[str, Any], includes: Callable[[str], bool]) -> None:
    """Restrict both sides: the database, before it is read, and the models."""
    names, objects = options.get("include_name"), options.get("include_object")

    def include_name(name: str, kind: str, parents: Any) -> bool:
        wanted = kind != "table" or includes(parents["schema_qualified_table_name"])
        return wanted and (names is None or names(name, kind, parents))

    def include_object(item: Any, name: str, kind: str, reflected: bool, other: Any) -> bool:
        wanted = kind != "table" or includes(item.fullname)
        return wanted and (objects is None or objects(item, name, kind, reflected, other))

    options |= {"include_name": include_name, "include_object": include_object}


def _flatten(container: ops.OpContainer) -> Iterator[Any]:
    """Yield the operations, without those that change nothing."""
    for operation in container.ops:
        if isinstance(operation, ops.OpContainer):
            yield from _flatten(operation)
        elif not isinstance(operation, ops.AlterColumnOp) or operation.has_changes():
            yield operation
