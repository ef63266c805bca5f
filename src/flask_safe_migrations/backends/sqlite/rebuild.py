"""Preserves what a table would lose when batch mode rebuilds it because ALTER TABLE is not enough.

Alembic creates `_alembic_tmp_x`, copies the rows, drops `x` and renames the new table. Anything that
SQLAlchemy does not reflect is missing in the new table. Triggers, expression indexes, sort orders and the
AUTOINCREMENT counter are restored here. If something cannot be restored, the revision is refused and rolled
back.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, event

from .dependent_objects import Rebuilt
from .row_checks import refuse_loss
from .table_options import split

COPY = re.compile(r'INSERT INTO "?(_alembic_tmp_[^"\s]+)"? \((.+?)\) SELECT (.+)( \nFROM .+)', re.DOTALL)
DROP = re.compile(r'\s*DROP TABLE "?([^"]+?)"?\s*')
RENAME = re.compile(r'ALTER TABLE "?_alembic_tmp_[^"]*?"? RENAME TO "?([^"]+?)"?')
CREATE_INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX "?([^"\s]+)"? ON.*', re.DOTALL)


@contextmanager
def careful_rebuilds(connection: Connection, driver: Any = None) -> Iterator[None]:
    """Watch the statements on `connection` for rebuilds; the listeners are removed at the end.

    Additional statements run on `driver` if it is given: `--sql` prints them.
    """
    driver = driver or connection.connection.dbapi_connection
    tables: dict[str, Rebuilt] = {}
    indexes: dict[str, str] = {}

    def before(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
        if match := COPY.fullmatch(statement):
            statement = _without_generated(driver, *match.groups())
        elif (match := DROP.fullmatch(statement)) and _is_being_rebuilt(driver, match[1]):
            refuse_loss(driver, match[1], _temporary(match[1]))
            keep_counter(driver, match[1])
            table = tables[match[1]] = Rebuilt(driver, match[1])
            indexes.update({name: sql for kind, name, sql in table.owned if kind == "index"})
        elif RENAME.fullmatch(statement):
            # Without it, the statement fails if a view refers to the table. It is set for this statement
            # only, because foreign keys must follow a table that a revision renames.
            # https://sqlite.org/lang_altertable.html#altertabrename
            driver.execute("PRAGMA legacy_alter_table = ON")
        elif (match := CREATE_INDEX.fullmatch(statement)) and match[1] in indexes:
            original = indexes.pop(match[1])
            if _plain(original) == _plain(statement):  # equal, except for the lost DESC or COLLATE
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
        yield
    finally:
        connection.connection.dbapi_connection.execute("PRAGMA legacy_alter_table = OFF")  # type: ignore[union-attr]
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)


def _is_being_rebuilt(driver: Any, table: str) -> bool:
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return bool(driver.execute(query, [_temporary(table)]).fetchone())


def _temporary(table: str) -> str:
    return f"_alembic_tmp_{table}"[:50]  # Alembic truncates it the same way


def keep_counter(driver: Any, table: str) -> None:
    """Keep the AUTOINCREMENT counter, which never reuses a number, not even that of a deleted row.

    https://sqlite.org/autoinc.html: the counters are stored in a table, and they follow a renamed table.
    """
    if driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        old, new = (name.replace("'", "''") for name in (table, _temporary(table)))
        driver.execute(f"DELETE FROM sqlite_sequence WHERE name = '{new}'")  # noqa: S608
        driver.execute(
            f"INSERT INTO sqlite_sequence SELECT '{new}', seq FROM sqlite_sequence WHERE name = '{old}'"  # noqa: S608
        )


def _without_generated(driver: Any, table: str, names: str, values: str, source: str) -> str:
    """Exclude generated columns from the copy: they cannot be inserted."""
    columns = driver.execute(f'PRAGMA table_xinfo("{table}")').fetchall()
    generated = {column[1] for column in columns if column[6] in {2, 3}}
    pairs = zip(split(names), split(values), strict=True)
    kept = [(name, value) for name, value in pairs if name.strip('"') not in generated]
    names, values = (", ".join(column) for column in zip(*kept, strict=True))
    return f'INSERT INTO "{table}" ({names}) SELECT {values}{source}'


def _plain(index: str) -> str:
    return re.sub(r'\b(DESC|ASC|COLLATE\s+\w+)\b|["`\[\]\s;]', "", index, flags=re.IGNORECASE).lower()
