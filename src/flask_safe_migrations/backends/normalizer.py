"""How an engine words a schema: what is compared with what, behind one interface like that of base.py."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

from sqlalchemy import Column, Connection, Dialect, Index, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import TypeEngine

from .. import _compat


class Normalizer:
    # Whether a primary key's name is stored, and can be changed without making the key anew.
    names_primary_keys: ClassVar[bool] = False
    # Whether a foreign key gets an index of its own name where it has none.
    indexes_foreign_keys: ClassVar[bool] = False

    def normalize_type(self, told: str) -> str:
        """The type without what says nothing. Equal ones are surely equal; of others the server is asked."""
        return told

    def known_type(self, column: str, statements: list[str]) -> TypeEngine[Any] | None:
        """The type that SQLAlchemy does not recognise in a column, in what makes the table."""
        return None

    def normalize_default(self, told: str | None) -> str | None:
        """The same for a server default."""
        return told

    def normalize_check(self, told: str) -> str:
        """The text of a condition, so that it is reported as it is now when it is made of this text."""
        return told

    def cast(
        self, dialect: Dialect, column: str, old: TypeEngine[Any] | None, new: TypeEngine[Any]
    ) -> str | None:
        """Return what turns values of one type into the other, where the engine has to be told."""
        return None

    def column_advice(self, column: Column[Any]) -> str | None:
        """Say what will surprise in this column."""
        return None

    def definitions(self, connection: Connection, table: str, schema: str | None = None) -> dict[str, str]:
        """The engine's own text for each index, and exclusion constraint, that it keeps one of."""
        return {}

    def is_plain(self, definition: str) -> bool:
        """Whether it has columns only, which Alembic compares itself."""
        return True

    def index_of(self, name: str, definition: str, table: Table) -> Index | None:
        """Make an index of its definition, where SQLAlchemy's own reflection loses something."""
        return None

    def of_extensions(self, connection: Connection) -> set[str]:
        """Names of tables and types that belong to an extension of the server."""
        return set()

    @contextmanager
    def temporary_copy(self, connection: Connection, table: Table) -> Iterator[Connection]:
        """While this lasts, the name of `table` means a temporary one on the connection that it yields.

        So two texts are compared that one server has written: none keeps SQL as it was given. No lock is
        taken on anything that exists.
        """
        savepoint = connection.begin_nested()
        try:
            self.make(connection, self.copied(table))
            yield connection
        finally:
            savepoint.rollback()

    def copied(self, table: Table) -> Table:
        """The same table, of the same name and without a schema, as a temporary one."""
        metadata = MetaData(naming_convention=table.metadata.naming_convention)
        # None is taken, and means that of the metadata, which has none.
        copy = table.to_metadata(metadata, schema=None)  # type: ignore[arg-type]
        _compat.set_prefixes(copy, "TEMPORARY")
        return copy

    def make(self, connection: Connection, table: Table) -> None:
        """Make it, without foreign keys: a temporary table cannot have any."""
        connection.execute(CreateTable(table, include_foreign_key_constraints=[]))
        for index in table.indexes:
            connection.execute(CreateIndex(index))
