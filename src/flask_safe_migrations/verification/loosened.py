"""Rows that only a revision allows, about which its downgrade has to do something.

They contain NULL where it was not allowed, the same value twice, a value that was too long, an enum member
that did not exist, a key without its row, values that a CHECK refused.
"""

import warnings
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, MetaData, Table, delete, inspect, types
from sqlalchemy.exc import DBAPIError, SAWarning

from ..backends.schema import TableName, qualify
from .expectations import Expectations
from .sample_rows import SampleRows, make_sample
from .violations import find_violation

FIRST_NUMBER = 1000  # of values that are not to resemble those of the other made-up rows


@dataclass
class Shape:
    """What a table allows.

    :param unique: the sets of columns whose values are not repeated.
    :param keys: the columns that refer to other rows.
    :param checks: the conditions of its CHECK constraints.
    """

    columns: dict[str, Any] = field(default_factory=dict)
    unique: set[frozenset[str]] = field(default_factory=set)
    keys: set[frozenset[str]] = field(default_factory=set)
    checks: set[str] = field(default_factory=set)


def read_shapes(connection: Connection, tables: Iterable[TableName]) -> dict[TableName, Shape]:
    """Return what each of these tables allows now."""
    inspector = inspect(connection)
    shapes = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        for schema, name in tables:
            columns = inspector.get_columns(name, schema)
            shape = shapes[schema, name] = Shape({each["name"]: each for each in columns})
            found: list[Any] = [
                each["column_names"] for each in inspector.get_unique_constraints(name, schema)
            ]
            found += [each["column_names"] for each in inspector.get_indexes(name, schema) if each["unique"]]
            shape.unique = {frozenset(names) for names in found if all(names)}
            foreign = inspector.get_foreign_keys(name, schema)
            shape.keys = {frozenset(each["constrained_columns"]) for each in foreign}
            shape.checks = {each["sqltext"] for each in inspector.get_check_constraints(name, schema)}
    return shapes


class LoosenedRows:
    """Inserts the rows, and deletes them again.

    :param before: what the tables allow without the revision.
    :param after: what they allow with it.
    """

    def __init__(self, before: dict[TableName, Shape], after: dict[TableName, Shape]) -> None:
        self.before, self.after = before, after
        self.inserted: list[tuple[TableName, dict[str, Any]]] = []

    def insert(self, connection: Connection, models: MetaData) -> bool:
        """Insert them into a database that has the revision; return whether there are any."""
        rows = SampleRows(connection, models, Expectations())
        for place in sorted(self.before.keys() & self.after.keys(), key=qualify):
            table = _reflect(connection, place)
            found = [*self._find_values(place), *self._find_violations(connection, place)]
            # The next number, so that no row refers to itself: MariaDB would not delete it.
            for number, given in enumerate(found, FIRST_NUMBER + 1):
                key = rows.insert(table, number, given)
                if key is not None:
                    columns = [column.name for column in table.primary_key.columns]
                    self.inserted.append((place, dict(zip(columns, key, strict=False))))
        return bool(self.inserted)

    def delete(self, connection: Connection) -> None:
        """Delete them, before or after the downgrade."""
        for place, key in reversed(self.inserted):
            with suppress(DBAPIError), connection.begin_nested():
                table = _reflect(connection, place)
                if key:
                    condition = [
                        table.c[column] == value for column, value in key.items() if column in table.c
                    ]
                    connection.execute(delete(table).where(*condition))
        self.inserted.clear()

    def _find_values(self, place: TableName) -> Iterator[dict[str, Any]]:
        """Yield the values of each row by column; the same twice, to break a unique constraint as well."""
        before, after = self.before[place], self.after[place]
        for column, new in after.columns.items():
            if (old := before.columns.get(column)) is None:
                continue
            if new["nullable"] and not old["nullable"]:
                yield from ({column: None},) * 2
            if (value := _make_wider(old["type"], new["type"])) is not None:
                yield {column: value}
        for unique in sorted(before.unique - after.unique, key=sorted):
            if unique <= after.columns.keys():
                yield from (_make_values(after, unique),) * 2
        for key in sorted(before.keys - after.keys, key=sorted):
            if key <= after.columns.keys():
                yield _make_values(after, key)

    def _find_violations(self, connection: Connection, place: TableName) -> Iterator[dict[str, Any]]:
        """Yield values for each CHECK that is gone or changed: it refuses them, and those of now do not."""
        before, after = self.before[place], self.after[place]
        types_ = {column: found["type"] for column, found in after.columns.items()}
        for check in sorted(before.checks - after.checks):
            if (values := find_violation(connection, types_, check, sorted(after.checks))) is not None:
                yield values


def _reflect(connection: Connection, place: TableName) -> Table:
    schema, name = place
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)
        return Table(name, MetaData(), schema=schema, autoload_with=connection)


def _make_values(shape: Shape, names: frozenset[str]) -> dict[str, Any]:
    return {name: make_sample(shape.columns[name]["type"], FIRST_NUMBER, large=False) for name in names}


def _make_wider(old: types.TypeEngine[Any], new: types.TypeEngine[Any]) -> Any:
    """Return a value of the new type that the old one does not have, or None."""
    if isinstance(old, types.Enum) and isinstance(new, types.Enum):
        return next((member for member in new.enums if member not in old.enums), None)
    value, limit = (make_sample(kind, FIRST_NUMBER, large=True) for kind in (new, old))
    if isinstance(value, str) and isinstance(limit, str):
        return value if len(value) > len(limit) else None
    return value if isinstance(value, int) and isinstance(limit, int) and value > limit * 2 else None
