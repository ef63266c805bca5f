"""Restores the dependent objects of a table that SQLite rebuilds, and reports those it cannot restore."""

import re
import sqlite3
from typing import Any

from ...errors import MigrationError
from .row_checks import quoted
from .table_options import lost_features

CONSTRAINTS = re.compile(r"an unnamed CHECK|ON (DELETE|UPDATE|CONFLICT ABORT)", re.IGNORECASE)


class Rebuilt:
    """A table that is about to be dropped, and its dependent objects."""

    def __init__(self, driver: Any, name: str) -> None:
        self.driver, self.name = driver, name
        query = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
        self.owned = driver.execute(query, [name]).fetchall()
        # Kind -2 is an expression: https://sqlite.org/pragma.html#pragma_index_xinfo
        self.expressions = {
            index
            for kind, index, _sql in self.owned
            if kind == "index"
            and any(row[1] == -2 for row in driver.execute(f'PRAGMA index_xinfo("{index}")'))
        }

    def would_lose(self, create: str, *, compared: bool = False) -> list[str]:
        """Return what a table created by `create` would lack.

        With `compared`, CHECKs and foreign keys are ignored because they have been compared already.
        """
        own = {kind: sql for kind, _name, sql in self.owned if kind == "table"}["table"]
        lost = lost_features(own, create)
        return [what for what in lost if not (compared and CONSTRAINTS.match(what))]

    def restore(self, *, compared: bool = False) -> None:
        """Restore what Alembic does not restore; raises MigrationError for what cannot be restored."""
        query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
        if lost := self.would_lose(self.driver.execute(query, [self.name]).fetchone()[0], compared=compared):
            raise MigrationError(
                f"Rebuilding table {self.name} would lose {', '.join(lost)}: nothing was changed; say it "
                "in the revision, with table_args, table_kwargs or reflect_args of op.batch_alter_table()."
            )
        for kind, name, sql in self.owned:
            if kind == "trigger" or name in self.expressions:
                self._again(sql)
        self._compile_triggers()

    def _again(self, sql: str) -> None:
        try:
            self.driver.execute(sql)
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):  # otherwise the object was dropped with its column
                raise

    def _compile_triggers(self) -> None:
        """Use EXPLAIN to make SQLite parse the triggers: it does not do that when they are created."""
        if not any(kind == "trigger" for kind, _name, _sql in self.owned):
            return
        table = quoted(self.name)
        names = [quoted(row[1]) for row in self.driver.execute(f"PRAGMA table_info({table})")]
        update = f"UPDATE {table} SET " + ", ".join(f"{name} = {name}" for name in names)  # noqa: S608
        for statement in (f"INSERT INTO {table} DEFAULT VALUES", update, f"DELETE FROM {table}"):  # noqa: S608
            try:
                self.driver.execute(f"EXPLAIN {statement}")
            except sqlite3.OperationalError as error:
                raise MigrationError(
                    f"A trigger of table {self.name} would no longer work ({error}): nothing was changed; "
                    "drop or change the trigger first, in the same revision."
                ) from error
