"""Uses SQLite's ALTER TABLE instead of a rebuild where possible: it takes constant time and loses nothing.

Batch mode rebuilds a table for everything except new columns and indexes. SQLite can rename columns since
3.25 and drop them since 3.35, and reports an error where it cannot
(https://sqlite.org/lang_altertable.html). Therefore the statement is first tried inside a savepoint.
"""

import io
import re
import sqlite3
from typing import Any

from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations.batch import BatchOperationsImpl
from sqlalchemy import Table
from sqlalchemy.exc import OperationalError

from ...errors import MigrationError
from ..escaping import SinglePercent, escape_reported_indexes, escape_reported_sql

# Other changes that a batch may make to a column. Each of these needs a rebuild.
CHANGES = ("nullable", "type_", "comment", "autoincrement", "insert_before", "insert_after")
# Matches "error in view v after drop column: no such column: x".
IN_A_VIEW = re.compile(r"error in view (\S+) after .*", re.DOTALL)


class InPlace(SinglePercent, SQLiteImpl):
    """Alembic's implementation for SQLite. Defining the class registers it."""

    __dialect__ = "sqlite"

    def requires_recreate_in_batch(self, batch_op: BatchOperationsImpl) -> bool:
        if not super().requires_recreate_in_batch(batch_op):
            return False
        if batch_op.table_args or batch_op.table_kwargs or not all(map(_may_work, batch_op.batch)):
            return True
        if not self._succeeds(batch_op):
            return True
        batch_op.batch = []  # done
        return False

    def prep_table_for_batch(self, batch_impl: Any, table: Table) -> None:
        if batch_impl.reflected:
            escape_reported_sql(batch_impl.new_table, table)
            escape_reported_indexes(table)

    def _succeeds(self, batch_op: BatchOperationsImpl) -> bool:
        driver: Any = self.connection.connection.dbapi_connection  # type: ignore[union-attr]
        # With --sql, statements are printed and also run on a shadow database: see offline.py.
        rendering: Any = self.output_buffer if self.as_sql else None
        out = rendering and rendering.out
        driver.execute("SAVEPOINT in_place")
        try:
            if rendering:
                rendering.out = io.StringIO()
            for name, arguments, options in batch_op.batch:
                getattr(self, name)(*arguments, **options)
        except (OperationalError, sqlite3.OperationalError) as error:
            driver.execute("ROLLBACK TO in_place")
            if found := IN_A_VIEW.search(str(error)):
                raise MigrationError(
                    f"View {found[1]} uses what this takes away from {batch_op.table_name}: drop or change "
                    "the view first, in the same revision."
                ) from error
            return False
        else:
            if rendering:
                out.write(rendering.out.getvalue())
            return True
        finally:
            if rendering:
                rendering.out = out
            driver.execute("RELEASE in_place")


def _may_work(operation: Any) -> bool:
    name, arguments, options = operation
    if name == "add_column":
        column = arguments[1]
        constant = column.server_default is None or isinstance(
            getattr(column.server_default, "arg", None), str
        )
        return constant and not column.primary_key and not column.unique
    if name == "alter_column":
        unchanged = options.get("server_default", False) is False and options.get("comment") in (None, False)
        return unchanged and all(options.get(change) in (None, False) for change in CHANGES)
    return name in {"create_index", "drop_index", "drop_column"}
