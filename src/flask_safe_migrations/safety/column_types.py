"""Whether a column can change its type without losing values, and without being rewritten."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from .. import _compat

INTEGERS = (mysql.TINYINT, sa.SmallInteger, mysql.MEDIUMINT, sa.Integer, sa.BigInteger)
TEXT_LENGTHS = {"TINYTEXT": 255, "TEXT": 65_535, "MEDIUMTEXT": 2**24 - 1, "LONGTEXT": 2**32 - 1}
# Every value of the first type can be converted to the second.
LOSSLESS_CONVERSIONS = {
    (sa.Integer, sa.Numeric),
    (sa.Integer, sa.Float),
    (sa.Integer, sa.String),
    (sa.Boolean, sa.Integer),
    (sa.Boolean, sa.SmallInteger),
    (sa.Date, sa.DateTime),
    (sa.Uuid, sa.String),
    (sa.Date, sa.String),
    (sa.DateTime, sa.String),
    (sa.Numeric, sa.String),
    (sa.Float, sa.String),
}


def may_lose_values(old: Any, new: Any) -> bool:
    """Whether a value that `old` can hold may not fit into `new`."""
    affinities = (_affinity(old), _affinity(new))
    if isinstance(old, sa.Enum) and isinstance(new, sa.Enum):
        return bool(set(old.enums) - set(new.enums))
    if isinstance(new, sa.Enum):
        return True
    if affinities == (sa.String, sa.String):
        return max_length(new) < max_length(old)
    if affinities == (sa.Integer, sa.Integer):
        return _integer_rank(new) < _integer_rank(old)
    if affinities == (sa.Numeric, sa.Numeric):
        return not _is_wider(old, new)
    if affinities == (sa.Integer, sa.Numeric) and new.precision is not None:
        return bool(new.precision - (new.scale or 0) < {0: 3, 1: 5, 2: 7, 3: 10, 4: 19}[_integer_rank(old)])
    if affinities == (sa.DateTime, sa.DateTime) or affinities == (sa.Time, sa.Time):
        return bool(getattr(old, "timezone", False)) and not getattr(new, "timezone", False)
    if affinities[0] is affinities[1]:
        return type(new) is not type(old) and affinities[0] is sa.Float and isinstance(old, sa.Double)
    if affinities not in LOSSLESS_CONVERSIONS:
        return True
    return affinities[1] is sa.String and max_length(new) < 36


def requires_rewrite(old: Any, new: Any) -> bool:
    """Whether PostgreSQL has to rewrite or scan all rows to change the type.

    https://www.postgresql.org/docs/current/sql-altertable.html: not where the new type stores the old values
    unchanged: a longer or unlimited VARCHAR, TEXT, a NUMERIC with more digits before the point.
    """
    if isinstance(old, sa.Enum) or isinstance(new, sa.Enum):
        return True
    affinities = (_affinity(old), _affinity(new))
    if affinities == (sa.String, sa.String):
        return isinstance(old, sa.CHAR) or isinstance(new, sa.CHAR) or max_length(new) < max_length(old)
    if affinities == (sa.Numeric, sa.Numeric):
        return not _is_wider(old, new) or (new.precision is not None and new.scale != old.scale)
    return True


def max_length(type_: Any) -> float:
    """Return how many characters a type holds; https://mariadb.com/kb/en/text/ counts bytes."""
    declared: int | None = getattr(type_, "length", None)
    if declared is not None:
        return declared
    name = type(type_).__name__
    return (
        TEXT_LENGTHS.get(name, float("inf"))
        if type(type_).__module__.startswith(mysql.__name__)
        else float("inf")
    )


def _affinity(type_: Any) -> type:
    affinity: type = _compat.type_affinity(sa.types.to_instance(type_))
    return sa.String if isinstance(type_, sa.Enum) else affinity


def _integer_rank(type_: Any) -> int:
    ranks = [rank for rank, integer in enumerate(INTEGERS) if isinstance(type_, integer)]
    if isinstance(type_, sa.SmallInteger):
        return 1
    return 4 if isinstance(type_, sa.BigInteger) else min(ranks, default=3)


def _is_wider(old: Any, new: Any) -> bool:
    """Whether no digit is lost on either side of the point."""
    if new.precision is None:
        return True
    if old.precision is None:
        return False
    scales = (old.scale or 0, new.scale or 0)
    return scales[1] >= scales[0] and new.precision - scales[1] >= old.precision - scales[0]
