"""ALTER TABLE on MariaDB and MySQL: renames columns, indexes and constraints, and keeps their definitions.

A column is renamed with RENAME COLUMN. CHANGE would repeat the definition and might lose part of it: Alembic
does not know AUTO_INCREMENT, ON UPDATE and the collation of a column that it renames.
https://mariadb.com/kb/en/alter-table/#rename-column (MariaDB 10.5, MySQL 8.0)

An index is renamed in place; a foreign key or a CHECK is dropped and created again. All changes to one table
run in one ALTER TABLE, so that the foreign key is always in force. The rows are known to be valid and are
not checked again:
https://mariadb.com/kb/en/innodb-online-ddl-operations-with-the-inplace-alter-algorithm/#alter-table-add-foreign-key
"""

import re
from typing import Any

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import Connection, table, text

from ..constraints import ConstraintInfo, ConstraintRename, normalize_condition
from ..escaping import escaped, undouble_percents
from ..impl import SinglePercent
from .introspection import COLUMN_CHECK, definition_lines
from .normalizer import unescaped
from .statements import quote

# Matches "CONSTRAINT `fk` FOREIGN KEY (`a`) …".
NAMED = re.compile(r"CONSTRAINT `((?:[^`]|``)+)` .*")


class _MySQLRenames(SinglePercent, MySQLImpl):
    __dialect__ = "mysql"

    def autogen_column_reflect(self, inspector: Any, table: Any, column_info: Any) -> None:
        super().autogen_column_reflect(inspector, table, column_info)  # type: ignore[no-untyped-call]
        column_info["type"] = unescaped(column_info["type"])

    def alter_column(self, table_name: str, column_name: str, **options: Any) -> None:
        name = options.get("name")
        unchanged = {
            "nullable": None,
            "type_": None,
            "autoincrement": None,
            "comment": False,
            "server_default": False,
        }
        if name is None or any(options.get(key, value) is not value for key, value in unchanged.items()):
            super().alter_column(table_name, column_name, **options)
            return
        preparer = self.dialect.identifier_preparer
        altered = preparer.format_table(table(table_name, schema=options.get("schema")))
        old, new = preparer.quote_identifier(column_name), preparer.quote_identifier(name)
        sql = undouble_percents(f"ALTER TABLE {altered} RENAME COLUMN {old} TO {new}", self.dialect)
        self._exec(text(escaped(sql)))


class _MariaDBRenames(_MySQLRenames, MariaDBImpl):
    __dialect__ = "mariadb"


def rename_constraints(connection: Connection, like: Connection, changes: list[ConstraintRename]) -> None:
    """Name the constraints and indexes of one table as in `like`."""
    table_name = changes[0].part.table
    wanted = {
        match[1].replace("``", "`"): line
        for line in definition_lines(like, table_name)
        if (match := NAMED.fullmatch(line))
    }
    steps = []
    for change in changes:
        old = quote(str(change.part.name))
        if change.part.kind == "index":
            steps.append(f"RENAME INDEX {old} TO {quote(change.new)}")
        elif change.part.kind == "foreign key":
            steps += [f"DROP FOREIGN KEY {old}", f"ADD {wanted[change.new]}"]
        else:
            steps += [_drop_column_check(connection, change.part) or f"DROP CONSTRAINT {old}"]
            steps.append(f"ADD {wanted[change.new]}")
    before = connection.exec_driver_sql("SELECT @@foreign_key_checks").scalar()
    connection.exec_driver_sql("SET foreign_key_checks = 0")
    try:
        connection.exec_driver_sql(f"ALTER TABLE {quote(table_name)} {', '.join(steps)}".replace("%", "%%"))
    finally:
        connection.exec_driver_sql(f"SET foreign_key_checks = {before}")


def _drop_column_check(connection: Connection, part: ConstraintInfo) -> str | None:
    """Return SQL that removes a CHECK from its column, or None if it does not belong to a column."""
    if part.name is not None:
        return None
    for line in definition_lines(connection, part.table):
        if (match := COLUMN_CHECK.fullmatch(line)) and normalize_condition(match[3]) == part.definition:
            return f"MODIFY COLUMN {match[1]}"
    return None
