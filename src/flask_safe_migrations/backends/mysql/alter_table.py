"""ALTER TABLE on MariaDB and MySQL: renames columns, indexes and constraints, and keeps their definitions.

A column is renamed with RENAME COLUMN. CHANGE would repeat the definition and might lose part of it: Alembic
does not know AUTO_INCREMENT, ON UPDATE and the collation of a column that it renames.
https://mariadb.com/kb/en/alter-table/#rename-column (MariaDB 10.5, MySQL 8.0)

A generated column is changed with its expression, for which Alembic has no SQL.

An index is renamed in place; a foreign key or a CHECK is dropped and created again. All changes to one table
run in one ALTER TABLE, so that the foreign key is always in force. The rows are known to be valid and are
not checked again:
https://mariadb.com/kb/en/innodb-online-ddl-operations-with-the-inplace-alter-algorithm/#alter-table-add-foreign-key
"""

import re
from typing import Any

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import JSON, Column, Computed, Connection, MetaData, Table, table, text
from sqlalchemy.dialects.mysql import LONGTEXT

from ..constraints import ConstraintInfo, ConstraintRename, normalize_condition
from ..escaping import QUOTED_OR_SPACE, escaped, undouble_percents
from ..impl import SinglePercent
from .introspection import COLUMN_CHECK, definition_lines, json_columns
from .normalizer import unescaped
from .statements import first_word, quote

WITH_BODY = {"ALTER", "BEGIN", "CREATE"}  # statements that may contain statements
# Matches "CONSTRAINT `fk` FOREIGN KEY (`a`) …".
NAMED = re.compile(r"CONSTRAINT `((?:[^`]|``)+)` .*")


class _MySQLRenames(SinglePercent, MySQLImpl):
    __dialect__ = "mysql"

    def autogen_column_reflect(self, inspector: Any, table: Any, column_info: Any) -> None:
        super().autogen_column_reflect(inspector, table, column_info)  # type: ignore[no-untyped-call]
        column_info["type"] = unescaped(column_info["type"])
        if isinstance(column_info["type"], LONGTEXT):
            key = ("json columns", table.schema, table.name)
            if key not in inspector.info_cache:
                inspector.info_cache[key] = json_columns(inspector.bind, table.name, table.schema)
            if column_info["name"] in inspector.info_cache[key]:
                column_info["type"] = JSON()  # to change the column as a LONGTEXT would drop the CHECK

    def terminate(self, sql: str) -> str:
        """Let the body of a trigger or routine end where it ends: https://mariadb.com/kb/en/delimiters/"""
        if first_word(sql) in WITH_BODY and ";" in QUOTED_OR_SPACE.sub("", sql):
            return f"DELIMITER ;;\n{sql}\n;;\nDELIMITER ;"
        return super().terminate(sql)

    def alter_column(self, table_name: str, column_name: str, **options: Any) -> None:
        name = options.get("name")
        unchanged = {
            "nullable": None,
            "type_": None,
            "autoincrement": None,
            "comment": False,
            "server_default": False,
        }
        is_changed = any(options.get(key, value) is not value for key, value in unchanged.items())
        computed = options.get("existing_server_default")
        if is_changed and isinstance(computed, Computed) and options.get("server_default", False) is False:
            self._alter_computed(table_name, column_name, computed, **options)
        elif name is None or is_changed:
            super().alter_column(table_name, column_name, **options)
        else:
            quote_identifier = self.dialect.identifier_preparer.quote_identifier
            old, new = quote_identifier(column_name), quote_identifier(name)
            self._alter_table(table_name, options.get("schema"), f"RENAME COLUMN {old} TO {new}")

    def _alter_computed(self, table_name: str, column_name: str, computed: Computed, **options: Any) -> None:
        comment = options.get("comment", False)
        column: Column[Any] = Column(
            options.get("name") or column_name,
            options.get("type_") or options.get("existing_type"),
            Computed(computed.sqltext, computed.persisted),
            comment=options.get("existing_comment") if comment is False else comment,
        )
        Table(table_name, MetaData(), column)
        compiler: Any = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        old = self.dialect.identifier_preparer.quote_identifier(column_name)
        change = f"CHANGE COLUMN {old} {compiler.get_column_specification(column)}"
        self._alter_table(table_name, options.get("schema"), change)

    def _alter_table(self, table_name: str, schema: str | None, change: str) -> None:
        altered = self.dialect.identifier_preparer.format_table(table(table_name, schema=schema))
        sql = undouble_percents(f"ALTER TABLE {altered} {change}", self.dialect)
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
