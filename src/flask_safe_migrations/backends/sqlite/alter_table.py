"""Alters tables: with SQLite's ALTER TABLE where possible, because it takes constant time and loses nothing.

Batch mode rebuilds a table for everything except new columns and indexes. SQLite can rename columns since
3.25 and drop them since 3.35, and reports an error where it cannot
(https://sqlite.org/lang_altertable.html). Therefore the statement is first tried inside a savepoint.

SQLite cannot rename a constraint, so its table is rebuilt: https://sqlite.org/lang_altertable.html#otheralter
"""

import io
import re
import sqlite3
from typing import Any

from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations.batch import BatchOperationsImpl
from sqlalchemy import CheckConstraint, Connection, Table, quoted_name, text, types
from sqlalchemy.exc import OperationalError

from ... import _compat
from ...errors import MigrationError
from ..constraints import ConstraintRename
from ..escaping import escape_reported_indexes, escape_reported_sql, escaped
from ..impl import IgnoredAutoincrement, SinglePercent
from .ddl_parser import columns_with, mentions, quote, unnamed_checks
from .introspection import INDEXES, create_table_sql
from .rebuild import (
    RebuiltTable,
    column_names,
    keep_counter,
    refuse_row_loss,
    rename_table,
    temporary_name,
)

# Other changes that a batch may make to a column. Each of these needs a rebuild.
CHANGES = ("nullable", "type_", "comment", "autoincrement", "insert_before", "insert_after")
# Matches "error in view v after drop column: no such column: x".
IN_A_VIEW = re.compile(r"error in view (\S+) after .*", re.DOTALL)
CREATE_TABLE = re.compile(r'\s*CREATE\s+TABLE\s+(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|[^\s(]+)', re.IGNORECASE)


class InPlaceImpl(IgnoredAutoincrement, SinglePercent, SQLiteImpl):
    """Alembic's implementation for SQLite. Defining the class registers it."""

    __dialect__ = "sqlite"

    def rename_table(
        self, old_table_name: str, new_table_name: str | quoted_name, schema: str | quoted_name | None = None
    ) -> None:
        """Rename in two steps if only the case differs: SQLite says that there is already such a table."""
        if old_table_name != new_table_name and old_table_name.lower() == new_table_name.lower():
            # Not `temporary_name`: with the name of a rebuild, what refers to the table would not follow.
            between = f"_renamed_{old_table_name}"
            super().rename_table(old_table_name, between, schema)
            old_table_name = between
        super().rename_table(old_table_name, new_table_name, schema)

    def cast_for_batch_migrate(self, existing: Any, existing_transfer: Any, new_type: Any) -> None:
        """Keep text that becomes a date, a UUID or the like: CAST AS DATE makes a number of its first digits.

        https://sqlite.org/lang_expr.html#castexpr
        """
        is_stored_as_text = isinstance(new_type, types.Date | types.DateTime | types.Time | types.Uuid)
        if not (is_stored_as_text and isinstance(existing.type, types.String)):
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)

    def autogen_column_reflect(self, inspector: Any, table: Table, column_info: Any) -> None:
        """Reflect the collation, too, for a rebuild and for the way back from another type."""
        super().autogen_column_reflect(inspector, table, column_info)
        if isinstance(column_info["type"], types.String):
            key = ("collations", table.name)
            if key not in inspector.info_cache:
                driver = inspector.bind.connection.dbapi_connection
                create = create_table_sql(driver, table.name)
                inspector.info_cache[key] = dict(columns_with(create, "COLLATE"))
            column_info["type"].collation = inspector.info_cache[key].get(column_info["name"])

    def requires_recreate_in_batch(self, batch_op: BatchOperationsImpl) -> bool:
        if not _compat.is_flushing_batch() or any(map(_has_position, batch_op.batch)):
            return True
        if not super().requires_recreate_in_batch(batch_op):
            return False
        if batch_op.table_args or batch_op.table_kwargs or not all(map(_may_work, batch_op.batch)):
            return True
        if not self._succeeds(batch_op):
            return True
        batch_op.batch = []  # done
        return False

    def prep_table_for_batch(self, batch_impl: Any, table: Table) -> None:
        """Keep what SQLAlchemy does not reflect, unless the revision sets it."""
        driver: Any = self.connection.connection.dbapi_connection  # type: ignore[union-attr]
        create = create_table_sql(driver, table.name)
        if "sqlite_autoincrement" not in batch_impl.table_kwargs:
            found = any(columns_with(create, "AUTOINCREMENT"))
            batch_impl.new_table.dialect_options["sqlite"]["autoincrement"] = found
        if batch_impl.reflected:
            escape_reported_sql(batch_impl.new_table, table)
            escape_reported_indexes(table)
            _keep_unnamed_checks(batch_impl, table, create)

    def _succeeds(self, batch_op: BatchOperationsImpl) -> bool:
        driver: Any = self.connection.connection.dbapi_connection  # type: ignore[union-attr]
        # With --sql, statements are printed and also run on a shadow database: see offline.py.
        rendering: Any = self.output_buffer if self.as_sql else None
        out = rendering and rendering.out
        execute = driver.execute if rendering else self.connection.exec_driver_sql  # type: ignore[union-attr]
        execute("SAVEPOINT in_place")
        try:
            if rendering:
                rendering.out = io.StringIO()
            for name, arguments, options in batch_op.batch:
                getattr(self, name)(*arguments, **options)
        except (OperationalError, sqlite3.OperationalError) as error:
            execute("ROLLBACK TO SAVEPOINT in_place")
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
            execute("RELEASE SAVEPOINT in_place")


def _keep_unnamed_checks(batch_impl: Any, table: Table, create: str) -> None:
    """Keep the CHECKs that Alembic leaves out, unless they use a column that the revision drops.

    SQLAlchemy before 1.4 created one for each Boolean and Enum, so old databases have them, while a new one
    that the same revisions create does not: https://docs.sqlalchemy.org/en/14/changelog/migration_14.html
    """
    if any(isinstance(each, CheckConstraint) for each in batch_impl.table_args):
        return  # as for Alembic, the revision has taken care of them
    new = {column.name: batch_impl.columns.get(column.name) for column in table.columns}
    dropped = [name for name, column in new.items() if column is None]
    changed = [name for name in new if name not in dropped and _is_changed(new[name], table.columns[name])]
    for condition in unnamed_checks(create):
        if mentions(condition, dropped):
            continue
        if mentions(condition, changed):
            raise MigrationError(
                f"Rebuilding table {table.name} would lose an unnamed CHECK ({condition}): nothing was "
                "changed; say it in the revision, with table_args of op.batch_alter_table()."
            )
        batch_impl.new_table.append_constraint(CheckConstraint(text(escaped(condition))))


def _is_changed(column: Any, before: Any) -> bool:
    """Return whether a condition on the column may no longer fit."""
    return column.name != before.name or not _compat.have_one_affinity(column.type, before.type)


def _has_position(operation: Any) -> bool:
    """Return whether a column gets a position, which ALTER TABLE cannot give it."""
    name, _arguments, options = operation
    return name == "add_column" and bool(options.keys() & {"insert_before", "insert_after"})


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


def rename_constraints(connection: Connection, like: Connection, changes: list[ConstraintRename]) -> None:
    """Name the constraints of a table as in `like`: it becomes the table that the migrations would create.

    Rows, triggers, indexes and the AUTOINCREMENT counter are kept, as when a revision rebuilds a table.
    Raises MigrationError if a rebuild would lose something.
    """
    table = changes[0].part.table
    driver: Any = connection.connection.dbapi_connection
    model: Any = like.connection.dbapi_connection
    if any(change.part.kind != "index" for change in changes):
        _rebuild(driver, table, create_table_sql(model, table))
    old, new = (dict(side.execute(INDEXES, [table]).fetchall()) for side in (driver, model))
    for name in old.keys() - new.keys() & {change.part.name for change in changes}:
        driver.execute(f"DROP INDEX {quote(name)}")
    for name in new.keys() - old.keys():
        driver.execute(new[name])


def _rebuild(driver: Any, table: str, create: str) -> None:
    new = temporary_name(table)
    rebuilt = RebuiltTable(driver, table)
    if lost := rebuilt.would_lose(create, ignore_constraints=True):
        raise MigrationError(
            f"Table {table} has to be rebuilt for names, and that would lose {', '.join(lost)}: nothing was "
            "changed; say it in the model (sqlite_autoincrement, sqlite_with_rowid, a type with a collation)."
        )
    driver.execute(CREATE_TABLE.sub(lambda _: f"CREATE TABLE {quote(new)}", create, count=1))
    names = ", ".join(map(quote, column_names(driver, new, generated=False)))
    driver.execute(f"INSERT INTO {quote(new)} ({names}) SELECT {names} FROM {quote(table)}")  # noqa: S608
    refuse_row_loss(driver, table, new)
    keep_counter(driver, table)
    driver.execute(f"DROP TABLE {quote(table)}")
    rename_table(driver, new, table)
    rebuilt.restore(ignore_constraints=True)
