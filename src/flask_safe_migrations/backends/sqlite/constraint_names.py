"""Names existing constraints by rebuilding the table, because SQLite cannot rename a constraint.

https://sqlite.org/lang_altertable.html#otheralter. The new table is the one that the migrations would
create. Rows, triggers, indexes and the AUTOINCREMENT counter are kept, as when a revision rebuilds a table.
"""

import re
from typing import Any

from sqlalchemy import Connection

from ...errors import MigrationError
from ..constraints import ConstraintRename
from .dependent_objects import Rebuilt
from .rebuild import keep_counter
from .row_checks import quoted, refuse_loss

MADE = "SELECT name, sql FROM sqlite_master WHERE type = ? AND tbl_name = ? AND sql IS NOT NULL"
BEGINNING = re.compile(r'\s*CREATE\s+TABLE\s+(?:"(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|[^\s(]+)', re.IGNORECASE)


def give(connection: Connection, like: Connection, changes: list[ConstraintRename]) -> None:
    """Name the constraints of a table as in `like`.

    Raises MigrationError if a rebuild would lose something.
    """
    table = changes[0].part.table
    driver: Any = connection.connection.dbapi_connection
    model: Any = like.connection.dbapi_connection
    if any(change.part.kind != "index" for change in changes):
        _rebuild(driver, table, model.execute(MADE, ["table", table]).fetchone()[1])
    had, wants = (dict(side.execute(MADE, ["index", table]).fetchall()) for side in (driver, model))
    for name in had.keys() - wants.keys() & {change.part.name for change in changes}:
        driver.execute(f"DROP INDEX {quoted(name)}")
    for name in wants.keys() - had.keys():
        driver.execute(wants[name])


def _rebuild(driver: Any, table: str, create: str) -> None:
    new = f"_alembic_tmp_{table}"[:50]  # leftovers.py handles one that is found later
    rebuilt = Rebuilt(driver, table)
    if lost := rebuilt.would_lose(create, compared=True):
        raise MigrationError(
            f"Table {table} has to be rebuilt for names, and that would lose {', '.join(lost)}: nothing was "
            "changed; say it in the model (sqlite_autoincrement, sqlite_with_rowid, a type with a collation)."
        )
    driver.execute(BEGINNING.sub(lambda _: f"CREATE TABLE {quoted(new)}", create, count=1))
    columns = driver.execute(f"PRAGMA table_xinfo({quoted(new)})").fetchall()
    names = ", ".join(quoted(column[1]) for column in columns if column[6] not in {2, 3})  # not the generated
    driver.execute(f"INSERT INTO {quoted(new)} ({names}) SELECT {names} FROM {quoted(table)}")  # noqa: S608
    refuse_loss(driver, table, new)
    keep_counter(driver, table)
    driver.execute(f"DROP TABLE {quoted(table)}")
    driver.execute("PRAGMA legacy_alter_table = ON")  # see rebuild.py
    driver.execute(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}")
    driver.execute("PRAGMA legacy_alter_table = OFF")
    rebuilt.restore(compared=True)
