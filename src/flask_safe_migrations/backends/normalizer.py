"""Normalizes how an engine reports a schema, so that two schemas can be compared.

Each engine implements the same interface, as in base.py.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Column, Connection, Dialect, Index, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from .. import _compat


class Normalizer:
    # Whether the name of a primary key is stored and can be changed without recreating the key.
    names_primary_keys: ClassVar[bool] = False
    # Whether ALTER TABLE has to repeat that a column is AUTO_INCREMENT.
    repeats_autoincrement: ClassVar[bool] = True
    # Whether a foreign key without an index gets one with its own name.
    indexes_foreign_keys: ClassVar[bool] = False

    def normalize_type(self, reported: str) -> str:
        """Return the type without redundant parts.

        Equal results mean equal types. If the results differ, the server compares the types.
        """
        return reported

    def known_type(self, column: str, statements: list[str]) -> TypeEngine[Any] | None:
        """Find the type of a column that SQLAlchemy does not recognize in the SQL that creates the table."""
        return None

    def normalize_default(self, reported: str | None) -> str | None:
        """Return the server default without redundant parts, see `normalize_type`."""
        return reported

    def normalize_check(self, reported: str) -> str:
        """Return a condition in a form that the server reports unchanged after a CHECK is created from it."""
        return reported

    def cast(
        self, dialect: Dialect, column: str, old: TypeEngine[Any] | None, new: TypeEngine[Any]
    ) -> str | None:
        """Return the expression that casts values of the old type to the new one, if the engine needs one."""
        return None

    def needs_no_foreign_key(self, old: TypeEngine[Any] | None, new: TypeEngine[Any]) -> bool:
        """Return whether the engine changes the type only of a column that is in no foreign key."""
        return False

    def column_advice(self, column: Column[Any]) -> str | None:
        """Return a warning about unexpected behavior of this column, or None."""
        return None

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """Return the engine's own SQL for each index and exclusion constraint, where it stores one."""
        return {}

    def is_plain(self, definition: str) -> bool:
        """Return whether the index consists of columns only. Alembic compares such indexes itself."""
        return True

    def index_of(self, name: str, definition: str, table: Table) -> Index | None:
        """Create an Index from its definition, where SQLAlchemy's reflection is incomplete."""
        return None

    def of_extensions(self, connection: Connection) -> set[str]:
        """Return the names of tables and types that belong to a server extension."""
        return set()

    @contextmanager
    def temporary_copy(self, connection: Connection, table: Table) -> Iterator[Connection]:
        """Create a temporary copy of `table` under the same name, on the connection that is yielded.

        Servers do not store SQL exactly as it was written. A temporary copy makes the server report both
        sides of the comparison in the same form. No existing object is locked.
        """
        savepoint = connection.begin_nested()
        try:
            self.make(connection, self.copied(table))
            yield connection
        finally:
            savepoint.rollback()

    def copied(self, table: Table) -> Table:
        """Return the same table as a temporary table with the same name and without a schema."""
        metadata = MetaData(naming_convention=table.metadata.naming_convention)
        # Passing None is allowed: it means the schema of the metadata, which has none.
        copy = table.to_metadata(metadata, schema=None)  # type: ignore[arg-type]
        _compat.set_prefixes(copy, "TEMPORARY")
        return copy

    def make(self, connection: Connection, table: Table) -> None:
        """Create the table without foreign keys: a temporary table cannot have any."""
        connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
        for index in table.indexes:
            connection.execute(CreateIndex(index))
