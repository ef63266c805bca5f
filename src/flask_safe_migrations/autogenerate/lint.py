"""Report what the models require and the engine does not support, before a revision is created."""

from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.util import PriorityDispatchResult
from sqlalchemy.exc import CompileError

from .. import output
from ..context import Comparison
from ..errors import MigrationError
from .findings import wanted


def look(context: AutogenContext, _upgrade: ops.UpgradeOps) -> PriorityDispatchResult:
    migration = context.migration_context
    database = Comparison.of(migration).database
    said = migration.opts.setdefault("advice", set())
    for table in context.sorted_tables:
        for column in table.columns if wanted(context, table) else ():
            name = f"{table.fullname}.{column.name}"
            try:
                column.type.compile(migration.dialect)
            except CompileError as error:
                reason = str(error).partition("\n")[0].rstrip(".")
                raise MigrationError(
                    f"Column {name} cannot be made on {database.title}: {reason}."
                ) from error
            advice = database.normalizer.column_advice(column)
            if advice and name not in said:
                said.add(name)
                output.notice(f"Column {name}: {advice}.")
    return PriorityDispatchResult.CONTINUE
