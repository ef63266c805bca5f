"""Which values of a column do not fit into another type."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Dialect
from sqlalchemy.dialects import mysql

from .. import _compat
from ..backends.escaping import LITERAL, unquote_literal

Misfits = Callable[[ColumnElement[Any]], ColumnElement[bool] | None]
# The largest value by type; MySQL's sizes come first, because they are subclasses of Integer.
LARGEST = (
    (mysql.TINYINT, 7),
    (sa.SmallInteger, 15),
    (mysql.MEDIUMINT, 23),
    (sa.BigInteger, 63),
    (sa.Integer, 31),
)
NUMBERS = (sa.Integer, sa.Numeric, sa.Float)
# How a value is written in lower case, for Python's, PostgreSQL's and MariaDB's regular expressions.
DATE = "[0-9]{4}-(0?[1-9]|1[0-2])-(0?[1-9]|[12][0-9]|3[01])"
TIME = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]+)?)?"
ZONE = " ?(z|[-+][0-9]{2}(:?[0-9]{2})?)?"
PATTERNS: list[tuple[Any, str]] = [
    (sa.Boolean, "0|1|t|f|true|false|y|n|yes|no|on|off"),
    (sa.Integer, "[-+]?[0-9]+"),
    ((sa.Numeric, sa.Float), "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)(e[-+]?[0-9]+)?"),
    (sa.DateTime, f"{DATE}([ t]{TIME}{ZONE})?"),
    (sa.Date, DATE),
    (sa.Time, f"{TIME}{ZONE}"),
    (sa.Uuid, "[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}"),
]
# There, text stays as it is, and SQLAlchemy has to read it.
SQLITE_PATTERNS: list[tuple[Any, str]] = [
    (sa.Boolean, "0|1"),
    (sa.DateTime, "[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?"),
    (sa.Date, "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    (sa.Time, "[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?"),
    (sa.Uuid, "[0-9a-f]{32}"),
    *PATTERNS,
]
# What `flask db new` writes for a changed enum type on PostgreSQL, and others by hand.
CREATE_ENUM = re.compile(
    r"\s*CREATE\s+TYPE\s+(\S+)\s+AS\s+ENUM\s*\((.*)\)\s*;?\s*", re.IGNORECASE | re.DOTALL
)
CONVERT = re.compile(
    r"\s*ALTER\s+TABLE\s+(?:ONLY\s+)?(\S+)\s+ALTER\s+(?:COLUMN\s+)?(\"[^\"]+\"|\w+)\s+(?:SET\s+DATA\s+)?TYPE\s+(\S+)\s+"
    r"USING\s+\(?\2::text\)?::\3\s*;?\s*",
    re.IGNORECASE,
)


class EnumChanges:
    """The enum types that raw SQL has created so far, by name, with their values."""

    def __init__(self) -> None:
        self.values: dict[str, list[str]] = {}

    def find_conversions(self, sql: str) -> Iterator[tuple[str, str | None, str, sa.Enum]]:
        """Note a type that the statement creates; yield each column that it converts to such a type."""
        if match := CREATE_ENUM.fullmatch(sql):
            self.values[match[1]] = list(map(unquote_literal, LITERAL.findall(match[2])))
        elif (match := CONVERT.fullmatch(sql)) and match[3] in self.values:
            schema, _, table = match[1].rpartition(".")
            names = [part.strip('"') for part in (table, schema, match[2])]
            yield names[0], names[1] or None, names[2], sa.Enum(*self.values[match[3]])


def find_misfits(old: Any, new: Any, using: str | None, dialect: Dialect) -> tuple[str, Misfits]:
    """Return what is wrong with values that do not fit into `new`, and a condition that they meet.

    The condition is None for a column all of whose values fit.

    :param old: the type that the revision gives. Only it names the members of an enum that is stored as
        text; a value that it does not know either is no matter of the revision.
    :param using: the expression of PostgreSQL's USING, which makes the new value.
    """
    if isinstance(new, sa.Interval):  # a TypeDecorator of DateTime, which PostgreSQL does not need
        new = new.dialect_impl(dialect)
    if isinstance(new, sa.types.TypeDecorator):
        new = new.load_dialect_impl(dialect) if new.impl is None else new.impl_instance
    if isinstance(new, sa.Enum):
        values = [str(value) for value in new.enums]
        removed = (
            [str(value) for value in old.enums if value not in values] if isinstance(old, sa.Enum) else None
        )
        problem = f"is none of {', '.join(map(repr, values))}"
        return problem, lambda column: _find_unknown(column, values, removed)
    if isinstance(new, sa.LargeBinary):
        return f"is longer than {new.length} bytes", lambda column: _find_long(column, new, using, dialect)
    if isinstance(new, sa.String):
        return f"is longer than {new.length} characters", lambda column: _find_long(
            column, new, using, dialect
        )
    name = new.compile(dialect=dialect)

    def misfits(column: ColumnElement[Any]) -> ColumnElement[bool] | None:
        if isinstance(column.type, sa.String) and not isinstance(column.type, sa.Enum):
            return _find_unreadable(column, new, using, dialect)
        return _find_large(column, new)

    return f"does not fit into {name}", misfits


def _find_unknown(
    column: ColumnElement[Any], values: list[str], removed: list[str] | None
) -> ColumnElement[bool] | None:
    if isinstance(column.type, sa.Enum):
        removed = [str(value) for value in column.type.enums if value not in values]
    if removed == [] or not _is_text(column.type):
        return None
    text = sa.cast(column, sa.Text)
    return text.not_in(values) if removed is None else text.in_(removed)


def _find_long(
    column: ColumnElement[Any], new: Any, using: str | None, dialect: Dialect
) -> ColumnElement[bool] | None:
    """Compare the lengths, unless the column is of a type whose values are no longer."""
    old = column.type
    if new.length is None or not isinstance(old, sa.String | sa.LargeBinary):
        return None
    if using is None and old.length is not None and old.length <= new.length:
        return None
    if isinstance(new, sa.LargeBinary):
        length = sa.func.length if dialect.name == "sqlite" else sa.func.octet_length
        return _is_outside(length(column), 0, new.length)
    value: Any = sa.literal_column(f"CAST(({using}) AS TEXT)") if using else column
    if isinstance(old, sa.Enum) and not using:
        value = sa.cast(column, sa.Text)
    if dialect.name == "sqlite":
        return _is_outside(sa.func.length(value), 0, new.length)
    # The servers cut off blanks at the end without an error.
    return _is_outside(sa.func.char_length(sa.func.rtrim(value)), 0, new.length)


def _find_unreadable(
    column: ColumnElement[Any], new: Any, using: str | None, dialect: Dialect
) -> ColumnElement[bool] | None:
    """Compare text with how the new type is written, unless USING converts it in another way."""
    if using and not re.fullmatch(rf"\W*(CAST\W+)?{column.name}\W*(::|\sAS\s).*", using, re.IGNORECASE):
        return None
    patterns = SQLITE_PATTERNS if dialect.name == "sqlite" else PATTERNS
    pattern = next((pattern for kind, pattern in patterns if isinstance(new, kind)), None)
    return None if pattern is None else sa.not_(sa.func.lower(column).regexp_match(f"^ *({pattern}) *$"))


def _find_large(column: ColumnElement[Any], new: Any) -> ColumnElement[bool] | None:
    old = column.type
    if not isinstance(old, NUMBERS) or isinstance(new, sa.Boolean):
        return None
    if isinstance(new, sa.Integer):
        low, high = _range(new)
        if isinstance(old, sa.Integer):
            fits = low <= _range(old)[0] and _range(old)[1] <= high
            return None if fits else _is_outside(column, low, high)
        return _is_outside(sa.func.round(column), low, high)
    if isinstance(new, sa.Numeric) and not isinstance(new, sa.Float) and new.precision is not None:
        value: Any = column
        if not isinstance(old, sa.Integer):
            exact = sa.cast(column, sa.Numeric(38, 12)) if isinstance(old, sa.Float) else column
            value = sa.func.round(exact, new.scale or 0)
        first_too_large = 10 ** (new.precision - (new.scale or 0))
        return sa.not_(sa.func.abs(value) < sa.literal_column(str(first_too_large)))
    return None


def _is_outside(value: ColumnElement[Any], low: int, high: int) -> ColumnElement[bool]:
    return sa.or_(value < sa.literal_column(str(low)), value > sa.literal_column(str(high)))


def _range(type_: Any) -> tuple[int, int]:
    """Return the smallest and the largest value of an integer type."""
    bits = next(bits for kind, bits in LARGEST if isinstance(type_, kind))
    return (0, 2 ** (bits + 1) - 1) if getattr(type_, "unsigned", False) else (-(2**bits), 2**bits - 1)


def _is_text(type_: Any) -> bool:
    affinity: Any = _compat.type_affinity(type_)
    return issubclass(affinity, sa.String) or isinstance(type_, sa.Enum)
