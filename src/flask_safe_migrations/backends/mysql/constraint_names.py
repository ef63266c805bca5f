"""MariaDB and MySQL rename an index in place; a foreign key or a CHECK is dropped and created again.

All changes to one table run in one ALTER TABLE, so that the foreign key is always in force. The rows are
known to be valid and are not checked again:
https://mariadb.com/kb/en/innodb-online-ddl-operations-with-the-inplace-alter-algorithm/#alter-table-add-foreign-key
"""

import re

from sqlalchemy import Connection, text

from ..constraints import ConstraintInfo, ConstraintRename, normalize_condition

# Matches "CONSTRAINT `fk` FOREIGN KEY (`a`) …" and "`price` decimal(8,2) NOT NULL CHECK (`price` > 0)".
NAMED = re.compile(r"CONSTRAINT `((?:[^`]|``)+)` .*")
IN_COLUMN = re.compile(r"(`((?:[^`]|``)+)` .*?) CHECK \((.*)\)")
HAS_LEVEL = text(
    "SELECT 1 FROM information_schema.columns WHERE table_schema = 'information_schema' "
    "AND table_name = 'CHECK_CONSTRAINTS' AND column_name = 'LEVEL'"
)
WITH_CHECKS = text(
    "SELECT DISTINCT table_name FROM information_schema.check_constraints "
    "WHERE constraint_schema = database() AND level = 'Column'"
)


def give(connection: Connection, like: Connection, changes: list[ConstraintRename]) -> None:
    """Name the constraints and indexes of one table as in `like`."""
    quote = connection.dialect.identifier_preparer.quote_identifier
    table = changes[0].part.table
    made = {
        found[1].replace("``", "`"): line for line in _lines(like, table) if (found := NAMED.fullmatch(line))
    }
    steps = []
    for change in changes:
        old = quote(str(change.part.name))
        if change.part.kind == "index":
            steps.append(f"RENAME INDEX {old} TO {quote(change.new)}")
        elif change.part.kind == "foreign key":
            steps += [f"DROP FOREIGN KEY {old}", f"ADD {made[change.new]}"]
        else:
            steps += [_without_check(connection, change.part) or f"DROP CONSTRAINT {old}"]
            steps.append(f"ADD {made[change.new]}")
    was = connection.exec_driver_sql("SELECT @@foreign_key_checks").scalar()
    connection.exec_driver_sql("SET foreign_key_checks = 0")
    try:
        connection.exec_driver_sql(f"ALTER TABLE {quote(table)} {', '.join(steps)}".replace("%", "%%"))
    finally:
        connection.exec_driver_sql(f"SET foreign_key_checks = {was}")


def checks_of_columns(connection: Connection, ignoring: frozenset[str]) -> list[ConstraintInfo]:
    """Return the CHECKs in column definitions, where MariaDB keeps them and SQLAlchemy does not read them."""
    if not connection.scalar(HAS_LEVEL):
        return []  # MySQL stores all of them at the table
    return [
        ConstraintInfo(None, table, "check", (), normalize_condition(condition), None)
        for table in connection.scalars(WITH_CHECKS).all()
        if table not in ignoring
        for condition in checks_as_written(connection, table)
    ]


def checks_as_written(connection: Connection, table: str) -> list[str]:
    """Return the conditions in the column definitions of a table."""
    lines = _lines(connection, table)
    return [found[3] for line in lines if (found := IN_COLUMN.fullmatch(line))]


def _without_check(connection: Connection, part: ConstraintInfo) -> str | None:
    """Return SQL that removes a CHECK from its column, or None if it does not belong to a column."""
    if part.name is not None:
        return None
    for line in _lines(connection, part.table):
        if (found := IN_COLUMN.fullmatch(line)) and normalize_condition(found[3]) == part.definition:
            return f"MODIFY COLUMN {found[1]}"
    return None


def _lines(connection: Connection, table: str) -> list[str]:
    quote = connection.dialect.identifier_preparer.quote_identifier
    made = connection.exec_driver_sql(f"SHOW CREATE TABLE {quote(table)}").one()[1]
    return [line.strip().rstrip(",") for line in made.splitlines()[1:]]
