"""Looks for rows that are in the way of a revision: before it changes anything, and before an operation.

Most checks run before the revision. Those of rows or columns that it changes itself run right before the
operation in question: what it corrects must not stop it.
"""

import re
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.operations import ops
from alembic.operations.ops import MigrateOperation
from alembic.runtime.migration import MigrationContext, RevisionStep
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from .. import output, settings
from ..backends.base import Database
from ..errors import describe_database_error, first_line
from .rehearsal import intercept, rehearse
from .row_checks import KnownChanges, RowCheck, RowCheckError, find_checks

# SQL that changes no rows. The words in ALTER TABLE and CREATE TABLE name the tables that it changes.
HARMLESS = re.compile(
    r"\s*(CREATE|COMMENT|GRANT|REVOKE|SET|RESET|ALTER\s+(?!TABLE\b)|"
    r"DROP\s+(VIEW|MATERIALIZED|TRIGGER|FUNCTION|PROCEDURE|INDEX|TYPE|SEQUENCE|EVENT|EXTENSION))\b",
    re.IGNORECASE,
)
CHANGES_TABLE = re.compile(r"\s*(CREATE|ALTER|DROP)\s+TABLE\b", re.IGNORECASE)
# These change neither rows nor columns.
CONSTRAINTS = (
    ops.AddConstraintOp,
    ops.CreateIndexOp,
    ops.CreateTableCommentOp,
    ops.DropConstraintOp,
    ops.DropIndexOp,
    ops.DropTableCommentOp,
)


class Changes:
    """What the operations of a revision have changed before the next one: tables, columns, or any row."""

    def __init__(self) -> None:
        self.any_row = False
        self.tables: set[str] = set()
        self.columns: set[tuple[str, str]] = set()

    def add(self, operation: Any) -> None:
        if isinstance(operation, CONSTRAINTS):
            return
        if isinstance(operation, ops.AddColumnOp):
            self._add_column(operation.table_name, operation.column.name)
        elif isinstance(operation, ops.DropColumnOp):
            self._add_column(operation.table_name, operation.column_name)
        elif isinstance(operation, ops.AlterColumnOp):
            if operation.modify_name is not None or operation.modify_type is not None:
                self._add_column(operation.table_name, operation.column_name)
                self._add_column(operation.table_name, operation.modify_name)
        elif isinstance(operation, ops.RenameTableOp):
            self.tables |= {operation.table_name.casefold(), operation.new_table_name.casefold()}
        elif isinstance(operation, ops.CreateTableOp | ops.DropTableOp):
            self.tables.add(operation.table_name.casefold())
        elif isinstance(operation, ops.ExecuteSQLOp) and CHANGES_TABLE.match(sql := str(operation.sqltext)):
            self.tables.update(re.findall(r"\w+", sql.casefold()))
        elif not (isinstance(operation, ops.ExecuteSQLOp) and HARMLESS.match(str(operation.sqltext))):
            self.any_row = True

    def _add_column(self, table: str, column: Any) -> None:
        self.columns.add((table.casefold(), str(column).casefold()))

    def affect(self, check: RowCheck) -> bool:
        """Whether the rows that the check looks at may be others by now."""
        tables = {check.table.casefold(): check.columns}
        if check.parent:
            tables.setdefault(check.parent[1].casefold(), check.parent[2])
        return (
            self.any_row
            or bool(self.tables & tables.keys())
            or any(table in tables and column in check.words for table, column in self.columns)
            or any(
                (table, name.casefold()) in self.columns for table, names in tables.items() for name in names
            )
        )


class Preconditions:
    """The checks of one revision on one database."""

    def __init__(
        self, database: Database, step: RevisionStep, migration: MigrationContext, *, quiet: bool
    ) -> None:
        self.database, self.step, self.migration, self.quiet = database, step, migration, quiet
        self.checked: set[RowCheck] = set()
        self.known = KnownChanges()

    def guard(self, function: Callable[..., None]) -> Callable[..., None]:
        """Wrap upgrade() or downgrade() of the revision.

        :raises RowCheckError: from the wrapped function, if rows are in the way.
        """

        @wraps(function)  # other code reads its name and source
        def run(**options: Any) -> None:
            if settings.active().row_check_timeout <= 0:
                function(**options)
                return
            rehearsal = rehearse(self.step, self.database.bind, self.migration)
            ahead, _later = split_checks(rehearsal.operations, Changes(), self.migration.dialect)
            self._refuse(ahead, "Nothing of it was applied")
            self.checked.update(ahead)
            with intercept(self.migration, self._before_operation):
                function(**options)

        return run

    def _before_operation(self, operation: MigrateOperation) -> None:
        checks = list(find_checks(operation, self.migration.dialect, self.known))
        self._refuse([check for check in checks if check not in self.checked], self.database.after_failure)

    def _refuse(self, checks: Sequence[RowCheck], state: str) -> None:
        connection = self.migration.connection
        if not checks or connection is None:
            return
        found, skipped = run_checks(self.database, connection, checks)
        name = Path(self.step.revision.path).name
        for sentence in [] if self.quiet else skipped:
            output.notice(f"  {name}: {sentence}")
        if found:
            verb, command = ("applied", "upgrade") if self.step.is_upgrade else ("taken back", "downgrade")
            rows = "; ".join(found)
            raise RowCheckError(
                f"{name} cannot be {verb}: {rows}. {state}: correct these rows, or let the revision correct "
                f"them first, then `flask db {command}`.",
                rows,
            )


def split_checks(
    operations: Sequence[MigrateOperation], changes: Changes, dialect: sa.Dialect
) -> tuple[list[RowCheck], list[RowCheck]]:
    """Return the checks that can run before the operations, and those that depend on what these change.

    :param changes: of earlier revisions; the operations are added.
    """
    ahead: dict[RowCheck, None] = {}
    later: dict[RowCheck, None] = {}
    known = KnownChanges()
    for operation in operations:
        for check in find_checks(operation, dialect, known):
            (later if changes.affect(check) else ahead)[check] = None
        changes.add(operation)
    return list(ahead), list(later)


def run_checks(
    database: Database, connection: Connection, checks: Sequence[RowCheck]
) -> tuple[list[str], list[str]]:
    """Run the checks; return what is in the way, and which could not run, with the reason."""
    found, skipped = [], []
    limit = settings.active().row_check_timeout
    inspector = sa.inspect(connection)
    for check in checks:
        began = time.monotonic()
        try:
            if not check.applies(inspector):
                continue
            with database.limit_query(connection, limit):
                problem = check.find(connection)
        except SQLAlchemyError as error:
            if connection.invalidated:  # the server is gone: this is no matter of a check
                raise
            reason = describe_database_error(getattr(error, "orig", None) or first_line(error))
            if time.monotonic() - began >= limit:
                reason = f"this takes longer than the {limit:g} seconds of MIGRATION_ROW_CHECK_TIMEOUT"
            skipped.append(f"not checked whether {check.problem}: {reason}.")
        else:
            found += [problem] if problem else []
    return found, skipped
