"""Corrects what SQLAlchemy does not reflect, or reflects differently, on MariaDB and MySQL."""

import re
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Connection, Table, UniqueConstraint, text

from ..escaping import escaped
from .constraint_names import checks_as_written
from .normalizer import unescaped

JSON_VALID = re.compile(r"json_valid\(`((?:[^`]|``)+)`\)")


def complete(connection: Connection, table: Table) -> None:
    """Complete a table.

    A unique constraint is an index here, a foreign key creates one, and a CHECK may belong to a column.
    """
    for column in table.columns:
        column.type = unescaped(column.type)
        kind: Any = column.type
        if getattr(kind, "display_width", None) not in {None, 1} and not getattr(kind, "zerofill", True):
            kind.display_width = None  # int(11) is int; a BOOLEAN becomes tinyint(1)
    for index in list(table.indexes):
        columns = [column.name for column in index.columns]
        plain = not any(index.dialect_kwargs.values()) and len(columns) == len(index.expressions)
        if index.unique and plain:
            table.indexes.remove(index)
            own = None if re.fullmatch(rf"{re.escape(columns[0])}(_\d+)?", str(index.name)) else index.name
            table.append_constraint(UniqueConstraint(*columns, name=own))
        elif plain and _comes_with_a_foreign_key(table, str(index.name), columns):
            table.indexes.remove(index)
    for condition in checks_as_written(connection, table.name):
        if valid := JSON_VALID.fullmatch(condition):
            table.c[valid[1]].type = JSON()  # which is a LONGTEXT with this CHECK
            continue
        table.append_constraint(CheckConstraint(text(escaped(condition))))


def _comes_with_a_foreign_key(table: Table, name: str, columns: list[str]) -> bool:
    """https://mariadb.com/kb/en/foreign-keys/: the index is named like the key, or like its first column."""
    others = [[column.name for column in index.columns] for index in table.indexes if index.name != name]
    others.append([column.name for column in table.primary_key])
    if any(other[: len(columns)] == columns for other in others):
        return False  # the key does not need this index
    return any(
        columns == key.column_keys and name in {key.name, columns[0]} for key in table.foreign_key_constraints
    )
