"""Adds to SQLite's reflected tables what SQLAlchemy does not read, from CREATE TABLE and the pragmas."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Connection,
    ForeignKeyConstraint,
    String,
    Table,
    UniqueConstraint,
    text,
)

from ..escaping import escaped
from ..normalizer import Normalizer
from .ddl_parser import columns_with, declared
from .row_checks import quoted

MADE = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"


def complete(connection: Connection, table: Table, wording: Normalizer) -> None:
    driver: Any = connection.connection.dbapi_connection
    create = driver.execute(MADE, [table.name]).fetchone()[0]
    _constraints(table, create)
    _what_foreign_keys_do(driver, table)
    for column, collation in columns_with(create, "COLLATE"):
        kind = table.c[column].type
        if isinstance(kind, String):
            kind.collation = collation
    behind = create.rpartition(")")[2].upper()
    table.dialect_kwargs["sqlite_autoincrement"] = bool(list(columns_with(create, "AUTOINCREMENT")))
    table.dialect_kwargs["sqlite_with_rowid"] = "WITHOUT ROWID" not in " ".join(behind.split())
    table.dialect_kwargs["sqlite_strict"] = "STRICT" in behind
    for name, definition in wording.definitions(connection, table.name).items():
        if not wording.is_plain(definition):
            table.indexes -= {index for index in table.indexes if index.name == name}
            wording.index_of(name, definition, table)


def _constraints(table: Table, create: str) -> None:
    kinds = UniqueConstraint | CheckConstraint
    table.constraints -= {found for found in table.constraints if isinstance(found, kinds)}
    for found in declared(create):
        if found.kind == "unique constraint":
            table.append_constraint(UniqueConstraint(*found.columns, name=found.name))
        elif found.kind == "check":
            table.append_constraint(CheckConstraint(text(escaped(found.text)), name=found.name))
        elif found.kind == "foreign key":
            for key in table.foreign_key_constraints:
                if tuple(key.column_keys) == found.columns:
                    key.name = found.name
                    parts: list[Any] = [key, *key.elements]
                    for said in parts:
                        said.deferrable = True if "DEFERRABLE" in found.text else None
                        said.initially = "DEFERRED" if "INITIALLY" in found.text else None
        elif found.kind == "primary key":
            table.primary_key.name = found.name


def _what_foreign_keys_do(driver: Any, table: Table) -> None:
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            for row in driver.execute(f"PRAGMA foreign_key_list({quoted(table.name)})"):
                if row[3] == key.column_keys[0] and row[2].lower() == key.referred_table.name.lower():
                    parts: list[Any] = [key, *key.elements]
                    for said in parts:
                        said.onupdate, said.ondelete = (None if do == "NO ACTION" else do for do in row[5:7])
