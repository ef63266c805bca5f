"""Preserves what a table would lose when batch mode rebuilds it because ALTER TABLE is not enough.

Alembic creates `_alembic_tmp_x`, copies the rows, drops `x` and renames the new table. Anything that
SQLAlchemy does not reflect is missing in the new table. Triggers, expression indexes, sort orders and the
AUTOINCREMENT counter are restored here. If something cannot be restored, the revision is refused and rolled
back.
"""

import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from ... import output
from ...errors import MigrationError
from ..escaping import quote_literal
from ..probes import find_broken
from .ddl_parser import lost_features, quote, split
from .introspection import create_table_sql
from .probes import probe_triggers

PREFIX = "_alembic_tmp_"
COPY_ROWS = re.compile(r'INSERT INTO "?(_alembic_tmp_[^"\s]+)"? \((.+?)\) SELECT (.+)( \nFROM .+)', re.DOTALL)
DROP = re.compile(r'\s*DROP TABLE "?([^"]+?)"?\s*')
RENAME = re.compile(r'ALTER TABLE "?_alembic_tmp_[^"]*?"? RENAME TO "?([^"]+?)"?')
CREATE_INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX "?([^"\s]+)"? ON.*', re.DOTALL)
STORED_NAME = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
CONSTRAINTS = re.compile(r"an unnamed CHECK|ON (DELETE|UPDATE|CONFLICT ABORT)", re.IGNORECASE)
# The effect on referring rows when a table is dropped while foreign keys are on:
# https://sqlite.org/foreignkeys.html#fk_schemacommands
HARMLESS = {"NO ACTION", "RESTRICT"}


@contextmanager
def careful_rebuilds(connection: Connection, driver: Any = None) -> Iterator[None]:
    """Watch the statements on `connection` for rebuilds; the listeners are removed at the end.

    Additional statements run on `driver` if it is given: `--sql` prints them.
    """
    driver = driver or connection.connection.dbapi_connection
    tables: dict[str, RebuiltTable] = {}
    indexes: dict[str, str] = {}

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if match := COPY_ROWS.fullmatch(statement):
            statement = _without_generated(driver, *match.groups())
        elif (match := DROP.fullmatch(statement)) and create_table_sql(driver, temporary_name(match[1])):
            refuse_row_loss(driver, match[1], temporary_name(match[1]))
            keep_counter(driver, match[1])
            table = tables[match[1]] = RebuiltTable(driver, match[1])
            indexes.update({name: sql for kind, name, sql in table.owned if kind == "index"})
        elif RENAME.fullmatch(statement):
            # Without it, the statement fails if a view refers to the table. It is set for this statement
            # only, because foreign keys must follow a table that a revision renames.
            # https://sqlite.org/lang_altertable.html#altertabrename
            driver.execute("PRAGMA legacy_alter_table = ON")
        elif (match := CREATE_INDEX.fullmatch(statement)) and match[1] in indexes:
            original = indexes.pop(match[1])
            # Equal, except for the lost DESC or COLLATE.
            if _without_order(original) == _without_order(statement):
                statement = original
        return statement, parameters

    def after(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if match := RENAME.fullmatch(statement):
            driver.execute("PRAGMA legacy_alter_table = OFF")
            if table := tables.pop(match[1], None):
                table.restore()

    event.listen(connection, "before_cursor_execute", before, retval=True)
    event.listen(connection, "after_cursor_execute", after)
    try:
        with warnings.catch_warnings():
            # Alembic and SQLAlchemy say that they leave these out. They are kept, or the rebuild is refused.
            for message in (
                "Unnamed CHECK constraint on reflected",
                "Skipped unsupported reflection of expr",
            ):
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        connection.connection.dbapi_connection.execute("PRAGMA legacy_alter_table = OFF")  # type: ignore[union-attr]
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)


def temporary_name(table: str) -> str:
    return f"{PREFIX}{table}"[:50]  # Alembic truncates it the same way


def column_names(driver: Any, table: str, *, generated: bool) -> list[str]:
    """Return the generated columns, or all others. Generated columns cannot be inserted."""
    columns = driver.execute(f"PRAGMA table_xinfo({quote(table)})").fetchall()
    return [column[1] for column in columns if (column[6] in {2, 3}) == generated]


def rename_table(driver: Any, old: str, new: str) -> None:
    """Rename a table to a name that views use already. See `careful_rebuilds`."""
    driver.execute("PRAGMA legacy_alter_table = ON")
    driver.execute(f"ALTER TABLE {quote(old)} RENAME TO {quote(new)}")
    driver.execute("PRAGMA legacy_alter_table = OFF")


def keep_counter(driver: Any, table: str) -> None:
    """Keep the AUTOINCREMENT counter, which never reuses a number, not even that of a deleted row.

    https://sqlite.org/autoinc.html: the counters are stored in a table, and they follow a renamed table.
    """
    if driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        old, new = quote_literal(table), quote_literal(temporary_name(table))
        driver.execute(f"DELETE FROM sqlite_sequence WHERE name = {new}")  # noqa: S608
        driver.execute(
            f"INSERT INTO sqlite_sequence SELECT {new}, seq FROM sqlite_sequence WHERE name = {old}"  # noqa: S608
        )


def _without_generated(driver: Any, table: str, names: str, values: str, source: str) -> str:
    """Exclude generated columns from the copy."""
    generated = column_names(driver, table, generated=True)
    pairs = zip(split(names), split(values), strict=True)
    kept = [(name, value) for name, value in pairs if name.strip('"') not in generated]
    names, values = (", ".join(column) for column in zip(*kept, strict=True))
    return f'INSERT INTO "{table}" ({names}) SELECT {values}{source}'


def _without_order(index: str) -> str:
    return re.sub(r'\b(DESC|ASC|COLLATE\s+\w+)\b|["`\[\]\s;]', "", index, flags=re.IGNORECASE).lower()


class RebuiltTable:
    """A table that is about to be dropped, and its dependent objects."""

    def __init__(self, driver: Any, name: str) -> None:
        self.driver, self.name = driver, name
        stored = driver.execute(STORED_NAME, [name]).fetchone()
        if stored and stored[0] != name:  # reflection finds no primary key under another name
            raise MigrationError(
                f"Table {name} is stored as {stored[0]}, and nothing was changed: write its name like that "
                "in the revision."
            )
        query = "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
        self.owned = driver.execute(query, [name]).fetchall()
        self.triggers = probe_triggers(driver, name)
        # Kind -2 is an expression: https://sqlite.org/pragma.html#pragma_index_xinfo
        self.expressions = {
            index
            for kind, index, _sql in self.owned
            if kind == "index"
            and any(row[1] == -2 for row in driver.execute(f"PRAGMA index_xinfo({quote(index)})"))
        }

    def would_lose(self, create: str, *, ignore_constraints: bool = False) -> list[str]:
        """Return what a table created by `create` would lack.

        With `ignore_constraints`, CHECKs and foreign keys are not compared.
        """
        own = {kind: sql for kind, _name, sql in self.owned if kind == "table"}["table"]
        lost = lost_features(own, create)
        return [what for what in lost if not (ignore_constraints and CONSTRAINTS.match(what))]

    def restore(self, *, ignore_constraints: bool = False) -> None:
        """Restore what Alembic does not restore; raises MigrationError for what cannot be restored."""
        create = create_table_sql(self.driver, self.name)
        if lost := self.would_lose(create, ignore_constraints=ignore_constraints):
            raise MigrationError(
                f"Rebuilding table {self.name} would lose {', '.join(lost)}: nothing was changed; say it "
                "in the revision, with table_args, table_kwargs or reflect_args of op.batch_alter_table()."
            )
        for kind, name, sql in self.owned:
            if kind == "trigger" or name in self.expressions:
                self._recreate(sql)
        if broken := find_broken(self.triggers, probe_triggers(self.driver, self.name)):
            raise MigrationError(
                f"Rebuilding table {self.name} would break {', '.join(broken)}: nothing was changed; drop or "
                "change it first, in the same revision."
            )

    def _recreate(self, sql: str) -> None:
        try:
            self.driver.execute(sql)
        except sqlite3.OperationalError as error:
            if "no such column" not in str(error):  # otherwise the object was dropped with its column
                raise


def refuse_row_loss(driver: Any, table: str, copy: str) -> None:
    """Raise MigrationError if the copy lacks rows, or if the drop would affect rows of other tables."""
    before, after = (
        driver.execute(f"SELECT count(*) FROM {quote(name)}").fetchone()[0]  # noqa: S608
        for name in (table, copy)
    )
    if before != after:
        raise MigrationError(
            f"Rebuilding table {table} would lose {before - after} of its {before} rows, because of an ON "
            "CONFLICT clause: nothing was changed; change or delete those rows in the revision first."
        )
    if driver.execute("PRAGMA foreign_keys").fetchone()[0] and (children := _affected_tables(driver, table)):
        raise MigrationError(
            f"Rebuilding table {table} would delete or change rows of {', '.join(children)}, because foreign "
            "keys are on in the transaction that this migration was given: nothing was changed; switch them "
            "off before it begins (PRAGMA foreign_keys = OFF), or hand over a connection without one."
        )


def _affected_tables(driver: Any, parent: str) -> list[str]:
    """Return the tables with rows that would be deleted or set to NULL together with the rows of `parent`."""
    found = []
    for (child,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        keys = driver.execute(f"PRAGMA foreign_key_list({quote(child)})").fetchall()
        columns = [
            quote(column)
            for _id, _seq, table, column, _to, _on_update, on_delete, _match in keys
            if table.lower() == parent.lower() != child.lower() and on_delete not in HARMLESS
        ]
        condition = " OR ".join(f"{column} IS NOT NULL" for column in columns)
        query = f"SELECT 1 FROM {quote(child)} WHERE {condition} LIMIT 1"  # noqa: S608
        if columns and driver.execute(query).fetchone():
            found.append(child)
    return found


def clear_leftovers(driver: Any) -> None:
    """Drop the temporary table of an interrupted rebuild, or rename it back if it holds the data.

    It would block the next rebuild. Tools that do not use a transaction leave such tables behind.
    """
    names = {name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for temporary in sorted(name for name in names if name.startswith(PREFIX)):
        table = temporary.removeprefix(PREFIX)
        if table in names:
            driver.execute(f"DROP TABLE {quote(temporary)}")
            output.notice(f"Dropped {temporary}: a migration that failed had left this copy of {table}.")
        else:
            rename_table(driver, temporary, table)
            output.notice(f"Renamed {temporary} back to {table}: it held the only copy of the rows.")
