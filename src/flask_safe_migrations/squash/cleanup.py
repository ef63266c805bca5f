"""What is done to a table that was reflected, or is copied from the models, before it is written down."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import CheckConstraint, Column, Index, Table, TypeDecorator, UniqueConstraint
from sqlalchemy.sql.elements import conv


def as_named(table: Table) -> bool:
    """Make all names final; returns whether there is one for each CHECK, which the naming convention wants.

    MariaDB reports the index as well that it makes for a foreign key, under the name of that.
    """
    complete = True
    for constraint in list(table.constraints):
        without_defaults(constraint)
        if constraint.name:
            constraint.name = conv(str(constraint.name))
        elif isinstance(constraint, CheckConstraint):
            table.constraints.discard(constraint)
            complete = False
    names = {str(constraint.name) for constraint in table.foreign_key_constraints}
    for index in list(table.indexes):
        without_defaults(index)
        index.unique = bool(index.unique)
        if str(index.name) in names:
            table.indexes.discard(index)
    for column in table.columns:
        if not column.primary_key:
            column.autoincrement = "auto"
    return complete


def indexed(table: Table) -> set[str]:
    """Names of indexes and of unique constraints, which are indexes to MariaDB."""
    found: list[Index | UniqueConstraint] = [*table.indexes]
    found += [item for item in table.constraints if isinstance(item, UniqueConstraint)]
    return {str(item.name) for item in found}


def without_defaults(thing: Any) -> None:
    """Leave out the options that SQLAlchemy reports although they say nothing."""
    for name, value in list(thing.dialect_kwargs.items()):
        if value in ([], False, None):
            del thing.dialect_kwargs[name]


def plain_types(table: Table) -> None:
    """A baseline does not depend on the code of the application: the type under one of its own will do."""
    for column in table.columns:
        if isinstance(column.type, TypeDecorator):
            column.type = column.type.impl_instance


def portable(kind: Any) -> Any:
    """The type under a name that every engine knows, or None."""
    try:
        return kind.as_generic()
    except NotImplementedError:
        return None


def ordered(columns: Iterable[Any], names: list[str]) -> list[Any]:
    """Columns in the order that the database has them in, then constraints."""
    places = {name: place for place, name in enumerate(names)}
    return sorted(columns, key=lambda item: places[item.name] if isinstance(item, Column) else len(places))
