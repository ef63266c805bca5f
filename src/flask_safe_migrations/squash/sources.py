"""Chooses the source of each table of a baseline: the most portable one that creates the same table.

A source is the model or the database. Reflected tables, and copies of those of models, are prepared here.
"""

import warnings
from collections.abc import Iterable
from enum import IntEnum
from typing import Any

from alembic.runtime.migration import MigrationContext
from sqlalchemy import (
    CheckConstraint,
    Column,
    Connection,
    DefaultClause,
    Index,
    MetaData,
    Table,
    TypeDecorator,
    UniqueConstraint,
    event,
    func,
    types,
)
from sqlalchemy.exc import CompileError, SAWarning
from sqlalchemy.schema import CreateTable
from sqlalchemy.sql.elements import conv

from .. import _compat
from ..backends.base import Database
from ..backends.escaping import escape_reported_indexes, escape_reported_sql
from .state import TableKey, reflect_tables

# Table options that are usually the defaults of the server. Comments are in `table.comment` as well.
SERVER_OPTIONS = {"default charset", "collate", "comment", "engine"}


class Source(IntEnum):
    """Sources of a table, from the most portable to the most faithful."""

    MODEL = 0
    # The reflected table, with types of the model or generic ones where they are equivalent.
    REFLECTED = 1
    # The SQL of the database itself.
    SQL = 2


class Sources:
    """The tables of a database and the chosen source of each: `demote` chooses the next one."""

    def __init__(self, database: Database, connection: Connection, models: MetaData) -> None:
        self.database, self.models = database, models
        self.dialect = connection.dialect
        self.convention = models.naming_convention
        self.columns: dict[TableKey, list[str]] = {}
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SAWarning
            )  # about types and indexes that SQLAlchemy does not know
            # Without the naming convention, which would be applied to the names of CHECKs a second time.
            metadata = MetaData()
            # Alembic removes the default of a SERIAL: its sequence does not exist before the table.
            reflect = MigrationContext.configure(connection).impl.autogen_column_reflect
            event.listen(metadata, "column_reflect", reflect)
            self.tables = reflect_tables(database, connection, metadata)
        # The statements that create each table; empty for one that another statement creates as well.
        self.sql: dict[TableKey, list[str]] = {}
        # Tables that have a CHECK without a name.
        self.unnamed: set[TableKey] = set()
        for key, table in self.tables.items():
            escape_reported_sql(table)
            escape_reported_indexes(table)
            self.columns[key] = [column.name for column in table.columns]
            if not _clean_reflected(table):
                self.unnamed.add(key)
            self._add_native_indexes(connection, table)
            self.sql[key] = database.table_sql(connection, key[1], key[0])
        self.chosen = {key: self._first_source(key) for key in self.tables}

    def demote(self, keys: Iterable[TableKey]) -> list[TableKey]:
        """Choose the next source of these tables; return those that have none left."""
        exhausted = []
        for key in keys:
            if self.chosen[key] is Source.SQL:
                exhausted.append(key)
            else:
                self.chosen[key] = Source(self.chosen[key] + 1)
        return exhausted

    def foreign_keys(self, key: TableKey) -> list[str]:
        return [
            str(constraint.name) for constraint in self.tables[key].foreign_key_constraints if constraint.name
        ]

    def metadata(self, only: Source | None = None) -> MetaData:
        """Return all tables, each from its chosen source, or all from `only`."""
        metadata = MetaData(naming_convention=self.convention)
        for key, table in self.tables.items():
            source = self.chosen[key] if only is None else only
            if source is Source.MODEL:
                copy: Table = self.models.tables[table.fullname].to_metadata(metadata)
                _replace_custom_types(copy)
            else:
                copy = table.to_metadata(metadata)
                self._use_portable_columns(copy, self.sql[key])
        _compat.sequences(metadata).clear()  # `Database.schema_objects` creates them
        return metadata

    def _add_native_indexes(self, connection: Connection, table: Table) -> None:
        """Add the indexes that SQLAlchemy reflects in part only: on expressions, with conditions."""
        normalizer = self.database.normalizer
        reflected = {str(index.name): index for index in table.indexes}
        for name, definition in normalizer.definitions(connection, table.name, table.schema).items():
            if not normalizer.is_plain(definition) and (
                index := normalizer.index_of(name, definition, table)
            ):
                if name in reflected:
                    table.indexes.discard(reflected[name])
                table.indexes.add(index)

    def _use_portable_columns(self, table: Table, sql: list[str]) -> None:
        """Use the types and defaults of the model in a reflected table, or else generic ones, if equivalent.

        :param table: the reflected table, which is changed.
        :param sql: the statements that create the table on this database.
        """
        model = self.models.tables.get(table.fullname)
        for option in list(table.dialect_kwargs):
            if option.rpartition("_")[2] in SERVER_OPTIONS:
                del table.dialect_kwargs[option]
        for column in table.columns:
            model_column = None if model is None else model.columns.get(column.name)
            if known_type := self.database.normalizer.known_type(column.name, sql):
                column.type = known_type
            elif model_column is not None and self._is_same_type(column.type, model_column.type):
                column.type = model_column.type
            elif (generic := _generic_type(column.type)) and self._is_same_type(column.type, generic):
                column.type = generic
            column.server_default = self._portable_default(column, model_column)
        _replace_custom_types(table)

    def _portable_default(self, column: Column[Any], model_column: Column[Any] | None) -> Any:
        """Return the default of the model or `func.now()`, whose SQL differs per database, if equivalent."""
        compiler: Any = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        normalize = self.database.normalizer.normalize_default
        current_time = Column(column.name, column.type, server_default=func.now())
        for other in (model_column, current_time):
            sides = [column, other] if other is not None else []
            if sides and all(isinstance(side.server_default, DefaultClause) for side in sides):
                one, another = (normalize(compiler.get_column_default_string(side)) for side in sides)
                if one == another:
                    return DefaultClause(other.server_default.arg)  # type: ignore[union-attr]
        return column.server_default

    def _is_same_type(self, one: Any, other: Any) -> bool:
        normalize = self.database.normalizer.normalize_type
        try:
            return normalize(one.compile(self.dialect)) == normalize(other.compile(self.dialect))
        except CompileError:
            return False

    def _first_source(self, key: TableKey) -> Source:
        unknown = any(isinstance(column.type, types.NullType) for column in self.tables[key].columns)
        if not self.sql[key] or unknown or key in self.unnamed:
            return Source.SQL
        model = self.models.tables.get(self.tables[key].fullname)
        if model is None or model.info.get("is_view"):
            return Source.REFLECTED
        targets = {element.target_fullname.rpartition(".")[0] for element in model.foreign_keys}
        if {column.name for column in model.columns} != set(self.columns[key]):
            return Source.REFLECTED
        if not targets <= {table.fullname for table in self.tables.values()}:
            return Source.REFLECTED
        if _index_names(model) != _index_names(self.tables[key]):
            return Source.REFLECTED
        try:
            CreateTable(model).compile(dialect=self.dialect)
        except CompileError:
            return Source.REFLECTED
        return Source.MODEL


def _clean_reflected(table: Table) -> bool:
    """Protect names from the naming convention and remove what is redundant.

    Return whether every CHECK has a name; one without a name is removed, since the naming convention would
    require a name. MariaDB also reports the index that it creates for a foreign key, under the key's name.
    """
    all_named = True
    for constraint in list(table.constraints):
        _remove_empty_options(constraint)
        if constraint.name:
            constraint.name = conv(str(constraint.name))
        elif isinstance(constraint, CheckConstraint):
            table.constraints.discard(constraint)
            all_named = False
    names = {str(constraint.name) for constraint in table.foreign_key_constraints}
    for index in list(table.indexes):
        _remove_empty_options(index)
        index.unique = bool(index.unique)
        if str(index.name) in names:
            table.indexes.discard(index)
    for column in table.columns:
        if not column.primary_key:
            column.autoincrement = "auto"
    return all_named


def _index_names(table: Table) -> set[str]:
    """Return the names of indexes and of unique constraints, which MariaDB does not tell apart."""
    items: list[Index | UniqueConstraint] = [*table.indexes]
    items += [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    return {str(item.name) for item in items}


def _remove_empty_options(item: Any) -> None:
    """Remove dialect options that SQLAlchemy reports with an empty value."""
    for name, value in list(item.dialect_kwargs.items()):
        if value in ([], False, None):
            del item.dialect_kwargs[name]


def _replace_custom_types(table: Table) -> None:
    """Replace each TypeDecorator by its `impl`: a baseline must not import code of the application."""
    for column in table.columns:
        if isinstance(column.type, TypeDecorator):
            column.type = column.type.impl_instance


def _generic_type(column_type: Any) -> Any:
    """Return SQLAlchemy's generic type for one of a dialect, or None."""
    try:
        return column_type.as_generic()
    except NotImplementedError:
        return None


def sort_columns(items: Iterable[Any], names: list[str]) -> list[Any]:
    """Return the columns in the order of `names`, which is that of the database, then the constraints."""
    positions = {name: position for position, name in enumerate(names)}
    last = len(positions)
    return sorted(items, key=lambda item: positions[item.name] if isinstance(item, Column) else last)
