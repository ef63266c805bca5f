"""Checks that a rebuild loses no rows, between the copy and the DROP TABLE of the original."""

from typing import Any

from ...errors import MigrationError

# The effect on referring rows when a table is dropped while foreign keys are on:
# https://sqlite.org/foreignkeys.html#fk_schemacommands
HARMLESS = {"NO ACTION", "RESTRICT"}


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def refuse_loss(driver: Any, table: str, copy: str) -> None:
    """Raise MigrationError if the copy lacks rows, or if the drop would affect rows of other tables."""
    before, after = (
        driver.execute(f"SELECT count(*) FROM {quoted(name)}").fetchone()[0]  # noqa: S608
        for name in (table, copy)
    )
    if before != after:
        raise MigrationError(
            f"Rebuilding table {table} would lose {before - after} of its {before} rows, because of an ON "
            "CONFLICT clause: nothing was changed; change or delete those rows in the revision first."
        )
    if driver.execute("PRAGMA foreign_keys").fetchone()[0] and (children := _within_reach(driver, table)):
        raise MigrationError(
            f"Rebuilding table {table} would delete or change rows of {', '.join(children)}, because foreign "
            "keys are on in the transaction that this migration was given: nothing was changed; switch them "
            "off before it begins (PRAGMA foreign_keys = OFF), or hand over a connection without one."
        )


def _within_reach(driver: Any, parent: str) -> list[str]:
    """Return the tables with rows that would be deleted or set to NULL together with the rows of `parent`."""
    found = []
    for (child,) in driver.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        keys = driver.execute(f"PRAGMA foreign_key_list({quoted(child)})").fetchall()
        columns = [
            quoted(column)
            for _id, _seq, table, column, _to, _on_update, on_delete, _match in keys
            if table.lower() == parent.lower() != child.lower() and on_delete not in HARMLESS
        ]
        given = " OR ".join(f"{column} IS NOT NULL" for column in columns)
        query = f"SELECT 1 FROM {quoted(child)} WHERE {given} LIMIT 1"  # noqa: S608
        if columns and driver.execute(query).fetchone():
            found.append(child)
    return found
