"""Prepares reflected tables, and copies of the tables of models, for a baseline."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DefaultClause,
    Dialect,
    Index,
    Table,
    TypeDecorator,
    UniqueConstraint,
    func,
)
from sqlalchemy.exc import CompileError
from sqlalchemy.sql.elements import conv

from ..backends.base import Database

# Table options that are usually the defaults of the server. Comments are in `table.comment` as well.
SERVER_OPTIONS = {"default charset", "collate", "comment", "engine"}


def clean_reflected(table: Table) -> bool:
    """Protect names from the naming convention and remove what is redundant.

    Return whether every CHECK has a name; one without a name is removed, since the naming convention would
    require a name. MariaDB also reports the index that it creates for a foreign key, under the key's name.
    """
    all_named = True
    for constraint in list(table.constraints):
        remove_empty_options(constraint)
        if constraint.name:
            constraint.name = conv(str(constraint.name))
        elif isinstance(constraint, CheckConstraint):
            table.constraints.discard(constraint)
            all_named = False
    names = {str(constraint.name) for constraint in table.foreign_key_constraints}
    for index in list(table.indexes):
        remove_empty_options(index)
        index.unique = bool(index.unique)
        if str(index.name) in names:
            table.indexes.discard(index)
    for column in table.columns:
        if not column.primary_key:
            column.autoincrement = "auto"
    return all_named


def index_names(table: Table) -> set[str]:
    """Return the names of indexes and of unique constraints, which MariaDB does not tell apart."""
    items: list[Index | UniqueConstraint] = [*table.indexes]
    items += [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    return {str(item.name) for item in items}


def remove_empty_options(item: Any) -> None:
    """Remove dialect options that SQLAlchemy reports with an empty value."""
    for name, value in list(item.dialect_kwargs.items()):
        if value in ([], False, None):
            del item.dialect_kwargs[name]


def replace_custom_types(table: Table) -> None:
    """Replace each TypeDecorator by its `impl`: a baseline must not import code of the application."""
    for column in table.columns:
        if isinstance(column.type, TypeDecorator):
            column.type = column.type.impl_instance


def generic_type(column_type: Any) -> Any:
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


def use_portable_columns(
    table: Table, model: Table | None, sql: list[str], database: Database, dialect: Dialect
) -> None:
    """Use the types and defaults of the model in a reflected table, or else generic ones, if equivalent.

    :param table: the reflected table, which is changed.
    :param sql: the statements that create the table on this database.
    """
    for option in list(table.dialect_kwargs):
        if option.rpartition("_")[2] in SERVER_OPTIONS:
            del table.dialect_kwargs[option]
    for column in table.columns:
        model_column = None if model is None else model.columns.get(column.name)
        if known_type := database.normalizer.known_type(column.name, sql):
            column.type = known_type
        elif model_column is not None and _is_same_type(column.type, model_column.type, database, dialect):
            column.type = model_column.type
        elif (generic := generic_type(column.type)) and _is_same_type(
            column.type, generic, database, dialect
        ):
            column.type = generic
        column.server_default = _portable_default(column, model_column, database, dialect)
    replace_custom_types(table)


def _portable_default(
    column: Column[Any], model_column: Column[Any] | None, database: Database, dialect: Dialect
) -> Any:
    """Return the default of the model or `func.now()`, whose SQL differs per database, if equivalent."""
    compiler: Any = dialect.ddl_compiler(dialect, None)  # type: ignore[arg-type]
    normalize = database.normalizer.normalize_default
    current_time = Column(column.name, column.type, server_default=func.now())
    for other in (model_column, current_time):
        sides = [column, other] if other is not None else []
        if sides and all(isinstance(side.server_default, DefaultClause) for side in sides):
            one, another = (normalize(compiler.get_column_default_string(side)) for side in sides)
            if one == another:
                return DefaultClause(other.server_default.arg)  # type: ignore[union-attr]
    return column.server_default


def _is_same_type(one: Any, other: Any, database: Database, dialect: Dialect) -> bool:
    normalize = database.normalizer.normalize_type
    try:
        return normalize(one.compile(dialect)) == normalize(other.compile(dialect))
    except CompileError:
        return False
