"""Reads, counts, searches and changes rows. No query takes longer than some seconds.

All values are text: the database converts them, as it does with the text between two quotes in SQL. So each
type of each engine can be shown, searched and changed, also those that SQLAlchemy does not know.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Integer,
    Numeric,
    String,
    Text,
    and_,
    cast,
    func,
    literal,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import NullType

from ...backends.base import Database
from .tables import BrowsedTable

PAGE_SIZE = 50
COUNT_LIMIT = 10_000
# Seconds that a page of rows may take, and the number beside it.
QUERY_TIME, COUNT_TIME = 5.0, 1.0
TABLES_PER_QUERY = 50  # SQLite has a limit: https://sqlite.org/limits.html#max_compound_select


class QueryTooSlowError(Exception):
    """A query was stopped because it took too long."""


@dataclass(frozen=True)
class Count:
    """A number of rows. `sign` is "≈" for an estimate of the server, "+" if counting has stopped there."""

    number: int
    sign: str = ""

    def __str__(self) -> str:
        number = f"{self.number:,}"
        return f"{self.sign} {number}" if self.sign == "≈" else number + self.sign


@dataclass(frozen=True)
class Query:
    """Which rows of a table are shown.

    :param equal: values that columns must have.
    :param search: text that one of the columns must contain.
    :param sort: the name of a column, with a "-" before it for the reverse order.
    """

    equal: Mapping[str, str]
    search: str = ""
    sort: str = ""
    page: int = 1


class Rows:
    """The rows of one database."""

    def __init__(self, database: Database, engine: Engine) -> None:
        self.database, self.engine = database, engine

    @contextmanager
    def connect(self, seconds: float) -> Iterator[Connection]:
        """Yield a connection for one query; raises QueryTooSlowError if the time is up."""
        with self.engine.connect() as connection:
            started = time.monotonic()
            try:
                with self.database.limit_query(connection, seconds):
                    yield connection
            except DBAPIError as error:
                if time.monotonic() - started >= seconds:
                    raise QueryTooSlowError from error
                raise

    def read(self, table: BrowsedTable, query: Query) -> tuple[list[Sequence[Any]], bool]:
        """Return a page of rows, and whether there is a next one."""
        columns = table.plain.c
        name = query.sort.removeprefix("-")
        order: list[ColumnElement[Any]] = []
        if name in columns:
            order = [columns[name].desc() if query.sort.startswith("-") else columns[name].asc()]
        order += [columns[key] for key in table.key if key != name]
        statement = (
            select(*(self._readable(table, column) for column in table.table.columns))
            .where(_matches(table, query))
            .order_by(*order)
            .limit(PAGE_SIZE + 1)
            .offset((query.page - 1) * PAGE_SIZE)
        )
        with self.connect(QUERY_TIME) as connection:
            rows = connection.execute(statement).all()
        return list(rows[:PAGE_SIZE]), len(rows) > PAGE_SIZE

    def _readable(self, table: BrowsedTable, column: Column[Any]) -> ColumnElement[Any]:
        """Return the column; on PostgreSQL as text, since Python has no value for some (infinity, BC)."""
        plain: ColumnElement[Any] = table.plain.c[column.name]
        return plain if is_binary(column) else self.database.readable_value(plain)

    def count(self, table: BrowsedTable, query: Query) -> Count | None:
        """Count up to a limit; beyond it, take the server's estimate. Return None if it takes too long."""
        try:
            with self.connect(COUNT_TIME) as connection:
                number = connection.scalar(_count(table, _matches(table, query))) or 0
            estimates = {} if number <= COUNT_LIMIT or query.equal or query.search else self._estimates()
            return _make_count(number, estimates.get(table.name))
        except QueryTooSlowError:
            return None

    def count_all(self, tables: Sequence[BrowsedTable]) -> dict[str, Count | None]:
        """Count the rows of all tables, with few queries. A locked table has None."""
        numbers: dict[str, int | None] = {}
        for start in range(0, len(tables), TABLES_PER_QUERY):
            numbers |= self._count_together(tables[start : start + TABLES_PER_QUERY])
        is_large = any(number and number > COUNT_LIMIT for number in numbers.values())
        estimates = self._estimates() if is_large else {}
        return {
            name: None if number is None else _make_count(number, estimates.get(name))
            for name, number in numbers.items()
        }

    def _count_together(
        self, tables: Sequence[BrowsedTable], seconds: float = COUNT_TIME
    ) -> dict[str, int | None]:
        counts = union_all(
            *(
                select(literal_column(str(number)), _count(table).scalar_subquery())
                for number, table in enumerate(tables)
            )
        )
        try:
            with self.connect(seconds) as connection:
                found = {int(number): int(rows) for number, rows in connection.execute(counts)}
        except (DBAPIError, QueryTooSlowError):  # locked, or not readable: count the others one by one
            if len(tables) == 1:
                return {tables[0].name: None}
            alone = (self._count_together([table], seconds / 10) for table in tables)
            return {name: number for each in alone for name, number in each.items()}
        return {table.name: found[number] for number, table in enumerate(tables)}

    def _estimates(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return self.database.estimate_rows(connection)

    def form_values(self, table: BrowsedTable, key: Mapping[str, str]) -> dict[str, str | None]:
        """Return the text of each column that can be changed, or an empty dictionary if the row is gone."""
        columns = editable_columns(table)
        statement = select(*(cast(table.plain.c[column.name], Text) for column in columns))
        with self.connect(QUERY_TIME) as connection:
            row = connection.execute(statement.where(_equal(table, key))).first()
        return {column.name: value for column, value in zip(columns, row, strict=True)} if row else {}

    def insert(self, table: BrowsedTable, values: Mapping[str, str | None]) -> None:
        with self.engine.begin() as connection:
            connection.execute(table.plain.insert().values(_literals(values)))

    def update(self, table: BrowsedTable, key: Mapping[str, str], values: Mapping[str, str | None]) -> None:
        statement = table.plain.update().where(_equal(table, key)).values(_literals(values))
        with self.engine.begin() as connection:
            connection.execute(statement)

    def delete(self, table: BrowsedTable, key: Mapping[str, str]) -> None:
        with self.engine.begin() as connection:
            connection.execute(table.plain.delete().where(_equal(table, key)))


def is_binary(column: Column[Any]) -> bool:
    try:
        return column.type.python_type is bytes
    except NotImplementedError:  # a type that SQLAlchemy does not know
        return False


def is_number(column: Column[Any]) -> bool:
    return isinstance(column.type, (Integer, Numeric))


def is_text(column: Column[Any]) -> bool:
    return isinstance(column.type, String)


def editable_columns(table: BrowsedTable) -> list[Column[Any]]:
    """Return the columns that have a field in a form."""
    return [
        column
        for column in table.table.columns
        if not (column.computed or (column.identity and column.identity.always) or is_binary(column))
    ]


def _untyped(value: str | None) -> ColumnElement[Any]:
    """Return a value that the database itself converts: with a type, SQLAlchemy would write a cast."""
    return literal(value, NullType())


def _literals(values: Mapping[str, str | None]) -> dict[Any, ColumnElement[Any]]:
    return {name: _untyped(value) for name, value in values.items()}


def _equal(table: BrowsedTable, values: Mapping[str, str]) -> ColumnElement[bool]:
    return and_(True, *(table.plain.c[name] == _untyped(value) for name, value in values.items()))


def _matches(table: BrowsedTable, query: Query) -> ColumnElement[bool]:
    condition = _equal(table, query.equal)
    if not query.search:
        return condition
    texts = [table.plain.c[column.name] for column in table.table.columns if not is_binary(column)]
    found = (cast(column, Text).icontains(query.search, autoescape=True) for column in texts)
    return and_(condition, or_(False, *found))


def _count(table: BrowsedTable, condition: ColumnElement[bool] | None = None) -> Any:
    one: Any = literal_column("1").label("one")
    rows = select(one).select_from(table.plain).limit(COUNT_LIMIT + 1)
    rows = rows if condition is None else rows.where(condition)
    return select(func.count()).select_from(rows.subquery())


def _make_count(number: int, estimate: int | None) -> Count:
    if number <= COUNT_LIMIT:
        return Count(number)
    return Count(estimate, "≈") if estimate and estimate > COUNT_LIMIT else Count(COUNT_LIMIT, "+")
