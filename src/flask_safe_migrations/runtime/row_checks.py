"""What the rows of a table must be like before an operation of a revision can run, as queries.

Each query returns the keys of the first rows that are in the way, and their number.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import ops
from sqlalchemy import ColumnElement, Connection, Dialect, FromClause
from sqlalchemy.engine.reflection import Inspector
from sqlalchemy.exc import NoSuchTableError

from ..backends.escaping import quote_literal
from ..errors import MigrationError
from .raw_ddl import ORDER, read_operations
from .type_checks import EnumChanges, find_misfits

SHOWN_KEYS = 5
Condition = Callable[[FromClause], ColumnElement[bool] | None]


class RowCheckError(MigrationError):
    """Rows are in the way of a revision; the message names them. `rows` is the part of it that does so."""

    def __init__(self, message: str, rows: str) -> None:
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True)
class RowCheck:
    """One condition that no row may meet when an operation runs.

    :param columns: the columns that the operation is about; all of them exist, or there is nothing to check.
    :param words: what may be columns in SQL that the operation contains.
    :param problem: what is wrong with the rows, such as "person.email is NULL".
    :param condition: returns what the rows in the way have in common, or None if there can be none.
    :param parent: the table and columns that a foreign key refers to.
    :param shows: the column whose values are reported besides the keys.
    """

    table: str
    schema: str | None
    columns: tuple[str, ...]
    problem: str
    condition: Condition = field(compare=False)
    parent: tuple[str | None, str, tuple[str, ...]] | None = None
    shows: str | None = None
    words: frozenset[str] = frozenset()

    def applies(self, inspector: Inspector) -> bool:
        """Whether the table has these columns now, and so has the one that they refer to."""
        needed = [(self.schema, self.table, self.columns)]
        needed += [self.parent] if self.parent else []
        return all(
            set(names) <= {column["name"] for column in _list_columns(inspector, table, schema)}
            for schema, table, names in needed
        )

    def find(self, connection: Connection) -> str | None:
        """Return a phrase that names the rows in the way, or None if there are none.

        :raises sqlalchemy.exc.DBAPIError: if the query fails or takes too long.
        """
        inspector = sa.inspect(connection)
        columns = [
            sa.column(each["name"], each["type"])
            for each in _list_columns(inspector, self.table, self.schema)
        ]
        table = sa.table(self.table, *columns, schema=self.schema)
        if (condition := self.condition(table)) is None:
            return None
        names = inspector.get_pk_constraint(self.table, self.schema)["constrained_columns"]
        shown = [table.c[name] for name in [*names, *([self.shows] if self.shows else [])]]
        query = sa.select(sa.func.count().over(), *shown).where(condition)
        query = query.order_by(*(table.c[name] for name in names)).limit(SHOWN_KEYS)
        rows = connection.execute(query).all()
        return f"{self.problem} in {_describe_rows(names, rows, self.shows)}" if rows else None


def _list_columns(inspector: Inspector, table: str, schema: str | None) -> Sequence[Any]:
    try:
        return inspector.get_columns(table, schema)
    except NoSuchTableError:
        return []


def _describe_rows(names: Sequence[str], rows: Sequence[Any], shows: str | None) -> str:
    """Return "2 rows (id 21, 23)", with the values of the column in `shows`: "1 row (id 42: 'unknown')"."""
    count = rows[0][0]
    number = f"{count} row{'s' * (count != 1)}"
    described = []
    for row in rows:
        keys = [str(value) for value in row[1 : 1 + len(names)]]
        key = keys[0] if len(keys) == 1 else f"({', '.join(keys)})" if keys else ""
        value = f"{str(row[-1])[:60]!r}" if shows else ""
        described.append(": ".join(filter(None, (key, value))))
    more = ["…"] if count > len(rows) else []
    label = names[0] if len(names) == 1 else f"({', '.join(names)})" if names else ""
    listed = " ".join(filter(None, (label, ", ".join(filter(None, [*described, *more])))))
    return f"{number} ({listed})" if any(described) else number


class KnownChanges:
    """What earlier operations have made that matters for a check: enum types, columns with a default."""

    def __init__(self) -> None:
        self.enums = EnumChanges()
        # The value that rows get, as SQL, by table and column.
        self.defaults: dict[tuple[str, str], str] = {}

    def add_column(self, operation: ops.AddColumnOp) -> None:
        default: Any = operation.column.server_default
        if isinstance(argument := getattr(default, "arg", None), str):
            self.defaults[operation.table_name, operation.column.name] = quote_literal(argument)


def find_checks(operation: Any, dialect: Dialect, known: KnownChanges) -> Iterator[RowCheck]:
    """Yield what has to hold for the rows before this operation runs, and add it to the known changes."""
    if isinstance(operation, ops.AlterColumnOp):
        yield from _check_altered_column(operation, dialect)
    elif isinstance(operation, ops.AddColumnOp):
        known.add_column(operation)
        yield from _check_added_column(operation, dialect)
    elif isinstance(operation, ops.CreateUniqueConstraintOp) or getattr(operation, "unique", False) is True:
        yield _check_unique(operation.table_name, operation.schema, operation.columns, operation.kw, dialect)
    elif isinstance(operation, ops.CreatePrimaryKeyOp):
        for name in operation.columns:
            yield _check_not_null(operation.table_name, operation.schema, name)
        yield _check_unique(operation.table_name, operation.schema, operation.columns, operation.kw, dialect)
    elif isinstance(operation, ops.CreateForeignKeyOp):
        yield from _check_foreign_key(operation, known, dialect)
    elif isinstance(operation, ops.CreateCheckConstraintOp):
        yield from _check_condition(operation)
    elif isinstance(operation, CreateExcludeConstraintOp):
        yield from _check_exclude(operation)
    elif isinstance(operation, ops.ExecuteSQLOp):
        sql = _executed_sql(operation.sqltext)
        for table, schema, column, type_ in known.enums.find_conversions(sql):
            yield _check_type(table, schema, column, [sa.types.NULLTYPE, type_], None, dialect)
        for each in read_operations(sql, dialect):
            yield from find_checks(each, dialect, known)


def _executed_sql(sqltext: Any) -> str:
    """Return the SQL as it is executed: in a string, a colon is written with a backslash."""
    return str(sa.text(sqltext) if isinstance(sqltext, str) else sqltext)


def _check_altered_column(operation: ops.AlterColumnOp, dialect: Dialect) -> Iterator[RowCheck]:
    table, schema, name = operation.table_name, operation.schema, operation.column_name
    if operation.modify_type is not None:
        using = operation.kw.get("postgresql_using") if dialect.name == "postgresql" else None
        types = [sa.types.to_instance(each) for each in (operation.existing_type, operation.modify_type)]
        yield _check_type(table, schema, name, types, using, dialect)
    if operation.modify_nullable is False:
        yield _check_not_null(table, schema, name)


def _check_type(
    table: str, schema: str | None, name: str, types: list[Any], using: str | None, dialect: Dialect
) -> RowCheck:
    problem, misfits = find_misfits(types[0], types[1], using, dialect)
    is_long = problem.startswith("is longer")
    return RowCheck(
        table,
        schema,
        (name,),
        f"{_join(schema, table, name)} {problem}",
        lambda rows: misfits(rows.c[name]),
        shows=None if is_long else name,
    )


def _check_not_null(table: str, schema: str | None, name: str) -> RowCheck:
    return RowCheck(
        table, schema, (name,), f"{_join(schema, table, name)} is NULL", lambda rows: rows.c[name].is_(None)
    )


def _check_added_column(operation: ops.AddColumnOp, dialect: Dialect) -> Iterator[RowCheck]:
    """A required column without a default; MariaDB and MySQL choose a value themselves."""
    column = operation.column
    is_filled = column.server_default or column.computed or column.identity or column.primary_key
    if column.nullable or is_filled or dialect.name in {"mysql", "mariadb"}:
        return
    problem = f"{_join(operation.schema, operation.table_name, column.name)} gets no value"
    yield RowCheck(operation.table_name, operation.schema, (), problem, lambda _rows: sa.true())


def _check_unique(
    table: str, schema: str | None, columns: Sequence[Any], options: Any, dialect: Dialect
) -> RowCheck:
    lengths = options.get(f"{dialect.name}_length") or options.get("mysql_length") or {}
    where = options.get(f"{dialect.name}_where")
    names = tuple(str(each) for each in columns if isinstance(each, str))

    def key(each: Any, rows: FromClause) -> Any:
        if isinstance(each, str):
            length = lengths.get(each) if isinstance(lengths, dict) else lengths
            return sa.func.left(rows.c[each], length) if length else rows.c[each]
        each = _without_order(each)
        if isinstance(each, sa.Column):
            return rows.c[each.name]
        return sa.literal_column(f"({ORDER.sub('', _text(each))})") if _text(each) else each

    def condition(rows: FromClause) -> ColumnElement[bool]:
        keys = [key(each, rows) for each in columns]
        source = sa.table(table, *(sa.column(c.name, c.type) for c in rows.c), schema=schema)
        others = [key(each, source) for each in columns]
        repeated = sa.select(*others).select_from(source).group_by(*others).having(sa.func.count() > 1)
        limits = [] if where is None else [sa.text(where) if isinstance(where, str) else where]
        repeated = repeated.where(*limits).correlate(None)
        if options.get("postgresql_nulls_not_distinct") and dialect.name == "postgresql":
            found = repeated.subquery()
            pairs = zip(keys, found.c, strict=True)
            same = (one.is_not_distinct_from(other) for one, other in pairs)
            return sa.and_(sa.exists().select_from(found).where(*same).correlate(rows), *limits)
        return sa.and_((keys[0] if len(keys) == 1 else sa.tuple_(*keys)).in_(repeated), *limits)

    described = [each if isinstance(each, str) else _text(each) or str(each) for each in columns]
    what = f".{described[0]}" if len(described) == 1 else f" ({', '.join(described)})"
    problem = f"{_join(schema, table)}{what} occurs more than once"
    words = _words(" ".join([*described, str(where)]))
    return RowCheck(table, schema, names, problem, condition, words=words)


def _without_order(element: Any) -> Any:
    """Return what an index sorts, without DESC and NULLS LAST."""
    while isinstance(element, sa.UnaryExpression) and element.modifier is not None:
        element = element.element
    return element


def _text(element: Any) -> str:
    """Return the SQL of text() and literal_column(); it is empty for other elements."""
    if isinstance(element, sa.ColumnClause):
        return element.name if element.is_literal else ""
    return element.text if isinstance(element, sa.TextClause) else ""


def _check_foreign_key(
    operation: ops.CreateForeignKeyOp, known: KnownChanges, dialect: Dialect
) -> Iterator[RowCheck]:
    options = operation.kw
    if options.get("postgresql_not_valid"):
        return
    table, schema = operation.source_table, options.get("source_schema")
    referred, referred_schema = operation.referent_table, options.get("referent_schema")
    local, remote = tuple(operation.local_cols), tuple(operation.remote_cols)
    # The other engines read MATCH FULL as MATCH SIMPLE.
    is_full = str(options.get("match")).upper() == "FULL" and dialect.name == "postgresql"
    # A column that the revision adds need not be there yet: all rows get its default.
    added = {name: known.defaults[table, name] for name in local if (table, name) in known.defaults}

    def condition(rows: FromClause) -> ColumnElement[bool]:
        values: Any = {name: sa.literal_column(sql) for name, sql in added.items()} | dict(rows.c.items())
        parents = sa.table(referred, *map(sa.column, remote), schema=referred_schema).alias("parents")
        pairs = zip(local, remote, strict=True)
        found = sa.exists().where(*(parents.c[to] == values[name] for name, to in pairs)).correlate(rows)
        given = [values[name].is_not(None) for name in local]
        missing = sa.and_(*given, ~found.select_from(parents))
        # Either all columns are NULL or none.
        return sa.or_(missing, sa.and_(sa.or_(*given), ~sa.and_(*given))) if is_full else missing

    what = f".{local[0]}" if len(local) == 1 else f" ({', '.join(local)})"
    problem = f"{_join(schema, table)}{what} refers to no row of {_join(referred_schema, referred)}"
    present = tuple(name for name in local if name not in added)
    yield RowCheck(table, schema, present, problem, condition, (referred_schema, referred, remote))


def _check_exclude(operation: CreateExcludeConstraintOp) -> Iterator[RowCheck]:
    """Columns only: https://www.postgresql.org/docs/current/sql-createtable.html#SQL-CREATETABLE-EXCLUDE"""
    given: Any = operation.elements
    elements = [(str(getattr(each, "name", each)), sign) for each, sign in given]
    names = tuple(name for name, _sign in elements)
    if not all(re.fullmatch(r"\w+", name) for name in names):
        return
    where: Any = operation.where
    limits = [] if where is None else [sa.text(where) if isinstance(where, str) else where]

    def condition(rows: FromClause) -> ColumnElement[bool]:
        columns = [*(sa.column(c.name, c.type) for c in rows.c), sa.column("ctid")]
        others = sa.table(operation.table_name, *columns, schema=operation.schema).alias("others")
        own: Any = sa.column("ctid")  # where the row is: there may be no key
        own.table = rows
        pairs = [rows.c[name].op(sign)(others.c[name]) for name, sign in elements]
        found = sa.exists().select_from(others).where(others.c.ctid != own, *pairs, *limits)
        return sa.and_(found.correlate(rows), *limits)

    described = ", ".join(f"{name} {sign}" for name, sign in elements)
    problem = f"{_join(operation.schema, operation.table_name)} ({described}) holds for another row"
    words = _words(" ".join([*names, str(where)]))
    yield RowCheck(operation.table_name, operation.schema, names, problem, condition, words=words)


def _check_condition(operation: ops.CreateCheckConstraintOp) -> Iterator[RowCheck]:
    if operation.kw.get("postgresql_not_valid"):
        return
    given = operation.condition
    text = given if isinstance(given, str) else getattr(given, "text", None)
    violated: Any = sa.not_(given) if text is None else sa.text(f"NOT ({text})")  # type: ignore[arg-type]
    written = " ".join((text if text is not None else str(given)).split())
    problem = f"{_join(operation.schema, operation.table_name)} violates "
    problem += (
        f"{operation.constraint_name} ({written})" if operation.constraint_name else f"CHECK ({written})"
    )
    yield RowCheck(
        operation.table_name, operation.schema, (), problem, lambda _rows: violated, words=_words(written)
    )


def _words(sql: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", sql.casefold()))


def _join(*names: Any) -> str:
    return ".".join(str(name) for name in names if name)
