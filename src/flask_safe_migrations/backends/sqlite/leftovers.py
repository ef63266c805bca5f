"""Removes temporary tables of interrupted batch operations, left by tools that do not use a transaction."""

from typing import Any

from ... import output

PREFIX = "_alembic_tmp_"


def clear_leftovers(driver: Any) -> None:
    """Drop a leftover table, which would block the next rebuild, or rename it back if it holds the data."""
    names = {name for (name,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    for temporary in sorted(name for name in names if name.startswith(PREFIX)):
        table = temporary.removeprefix(PREFIX)
        quoted = '"' + temporary.replace('"', '""') + '"'
        if table in names:
            driver.execute(f"DROP TABLE {quoted}")
            output.notice(f"Dropped {temporary}: a migration that failed had left this copy of {table}.")
        else:
            new = '"' + table.replace('"', '""') + '"'
            driver.execute("PRAGMA legacy_alter_table = ON")  # views refer to it
            driver.execute(f"ALTER TABLE {quoted} RENAME TO {new}")
            driver.execute("PRAGMA legacy_alter_table = OFF")
            output.notice(f"Renamed {temporary} back to {table}: it held the only copy of the rows.")
