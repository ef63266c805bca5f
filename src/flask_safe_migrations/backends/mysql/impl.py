"""Renames columns with RENAME COLUMN. CHANGE would repeat the definition and might lose part of it.

Alembic does not know AUTO_INCREMENT, ON UPDATE and the collation of a column that it renames.
https://mariadb.com/kb/en/alter-table/#rename-column (MariaDB 10.5, MySQL 8.0)
"""

from typing import Any

from alembic.ddl.mysql import MariaDBImpl, MySQLImpl
from sqlalchemy import table, text

from ..escaping import SinglePercent
from .normalizer import unescaped


class _Renaming(SinglePercent, MySQLImpl):
    __dialect__ = "mysql"

    def autogen_column_reflect(self, inspector: Any, table: Any, column_info: Any) -> None:
        super().autogen_column_reflect(inspector, table, column_info)  # type: ignore[no-untyped-call]
        column_info["type"] = unescaped(column_info["type"])

    def alter_column(self, table_name: str, column_name: str, **options: Any) -> None:
        name = options.get("name")
        changes = {
            "nullable": None,
            "type_": None,
            "autoincrement": None,
            "comment": False,
            "server_default": False,
        }
        if name is None or any(
            options.get(change, nothing) is not nothing for change, nothing in changes.items()
        ):
            super().alter_column(table_name, column_name, **options)
            return
        quote = self.dialect.identifier_preparer
        place = quote.format_table(table(table_name, schema=options.get("schema")))
        old, new = quote.quote_identifier(column_name), quote.quote_identifier(name)
        self._exec(text(f"ALTER TABLE {place} RENAME COLUMN {old} TO {new}"))


class _RenamingOnMariaDB(_Renaming, MariaDBImpl):
    __dialect__ = "mariadb"
