"""Where each table of a baseline comes from: as portable as can be, as long as it is the same table."""

import warnings
from collections.abc import Iterable
from enum import IntEnum

from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    Connection,
    MetaData,
    Table,
    event,
    types,
)
from sqlalchemy.exc import CompileError, SAWarning
from sqlalchemy.schema import CreateTable

from ..backends.base import Database
from ..backends.escaping import take_indexes_literally, take_literally
from . import native_parts
from .cleanup import as_named, indexed, plain_types
from .columns import mix
from .state import Key, reflected


class Source(IntEnum):
    MODEL = 0
    # As the database has it, with types of the model, or such as every engine has, where that is the same.
    MIXED = 1
    DATABASE = 2
    WRITTEN = 3  # the engine's own SQL


class Sources:
    """Begins with the best for each table; `demote` takes the next one."""

    def __init__(self, database: Database, connection: Connection, models: MetaData) -> None:
        self.database, self.models = database, models
        self.dialect = connection.dialect
        self.convention = models.naming_convention
        self.columns: dict[Key, list[str]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # types and indexes that SQLAlchemy does not know
            # Without the naming convention, which would be applied to the name of a CHECK once more.
            metadata = MetaData()
            # What Alembic does to the default of a SERIAL, which is not there before the table.
            reflect = MigrationContext.configure(connection).impl.autogen_column_reflect
            event.listen(metadata, "column_reflect", reflect)
            self.tables = reflected(database, connection, metadata)
        # Of each table; nothing for one that comes along with another.
        self.sql: dict[Key, list[str]] = {}
        self.unnamed: set[Key] = set()
        self.part_sql: dict[Key, dict[str, str]] = {}
        # SQL by name, for what a table has and op.create_table() and op.create_index() cannot make so.
        self.parts: dict[Key, dict[str, str]] = {}
        for key, table in self.tables.items():
            take_literally(table)
            take_indexes_literally(table)
            self.columns[key] = [column.name for column in table.columns]
            if not as_named(table):
                self.unnamed.add(key)
            self._complete(connection, table)
            self.sql[key] = database.table_sql(connection, key[1], key[0])
            self.part_sql[key] = database.part_sql(connection, key[1], key[0])
        self.chosen = {key: self._first(key) for key in self.tables}

    def demote(self, keys: Iterable[Key]) -> list[Key]:
        """Take the next source for these tables; return those that have none left."""
        last = []
        for key in keys:
            if self.chosen[key] is Source.WRITTEN:
                last.append(key)
            else:
                self.chosen[key] = Source(self.chosen[key] + 1)
        return last

    def complete(self, key: Key, told: list[str]) -> bool:
        """Take the engine's own words for parts of a table, where no more differs, and return whether.

        `told` says what differs, as `schema.differences` words it.
        """
        found = native_parts.in_words(self.part_sql[key], told)
        if not found or self.chosen[key] is Source.WRITTEN or found.keys() & self.parts.get(key, {}).keys():
            return False
        self.parts.setdefault(key, {}).update(found)
        return True

    def foreign_keys(self, key: Key) -> list[str]:
        return [str(each.name) for each in self.tables[key].foreign_key_constraints if each.name]

    def metadata(self, only: Source | None = None) -> MetaData:
        """All tables together, from the source chosen for each or from this one."""
        together = MetaData(naming_convention=self.convention)
        for key, table in self.tables.items():
            source = self.chosen[key] if only is None else only
            if source is Source.MODEL:
                copy: Table = self.models.tables[table.fullname].to_metadata(together)
                plain_types(copy)
            else:
                copy = table.to_metadata(together)
                if source is Source.MIXED:
                    mix(
                        copy,
                        self.models.tables.get(copy.fullname),
                        self.sql[key],
                        self.database,
                        self.dialect,
                    )
        together._sequences.clear()  # they are made by what `Database.made` says
        return together

    def _complete(self, connection: Connection, table: Table) -> None:
        """Indexes that SQLAlchemy does not reflect in full: on expressions, with conditions."""
        wording = self.database.normalizer
        there = {str(index.name): index for index in table.indexes}
        for name, definition in wording.definitions(connection, table.name, table.schema).items():
            if not wording.is_plain(definition) and (index := wording.index_of(name, definition, table)):
                if name in there:
                    table.indexes.discard(there[name])
                table.indexes.add(index)

    def _first(self, key: Key) -> Source:
        unknown = any(isinstance(column.type, types.NullType) for column in self.tables[key].columns)
        if not self.sql[key] or unknown or key in self.unnamed:
            return Source.WRITTEN
        model = self.models.tables.get(self.tables[key].fullname)
        if model is None or model.info.get("is_view"):
            return Source.MIXED
        targets = {element.target_fullname.rpartition(".")[0] for element in model.foreign_keys}
        if {column.name for column in model.columns} != set(self.columns[key]):
            return Source.MIXED
        if not targets <= {table.fullname for table in self.tables.values()}:
            return Source.MIXED
        if indexed(model) != indexed(self.tables[key]):
            return Source.MIXED
        try:
            CreateTable(model).compile(dialect=self.dialect)
        except CompileError:
            return Source.MIXED
        return Source.MODEL
