"""Whether a column can change its type without losing values, and without being rewritten."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

INTEGERS = (mysql.TINYINT, sa.SmallInteger, mysql.MEDIUMINT, sa.Integer, sa.BigInteger)
TEXTS = {"TINYTEXT": 255, "TEXT": 65_535, "MEDIUMTEXT": 2**24 - 1, "LONGTEXT": 2**32 - 1}
# A value of the first kind has its place in the second.
WIDER = {
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


def loses(old: Any, new: Any) -> bool:
    """Whether a value that `old` can hold may not fit into `new`."""
    kinds = (_kind(old), _kind(new))
    if isinstance(old, sa.Enum) and isinstance(new, sa.Enum):
        return bool(set(old.enums) - set(new.enums))
    if isinstance(new, sa.Enum):
        return True
    if kinds == (sa.String, sa.String):
        return length(new) < length(old)
    if kinds == (sa.Integer, sa.Integer):
        return _rank(new) < _rank(old)
    if kinds == (sa.Numeric, sa.Numeric):
        return not _grows(old, new)
    if kinds == (sa.Integer, sa.Numeric) and new.precision is not None:
        return bool(new.precision - (new.scale or 0) < {0: 3, 1: 5, 2: 7, 3: 10, 4: 19}[_rank(old)])
    if kinds == (sa.DateTime, sa.DateTime) or kinds == (sa.Time, sa.Time):
        return bool(getattr(old, "timezone", False)) and not getattr(new, "timezone", False)
    if kinds[0] is kinds[1]:
        return type(new) is not type(old) and kinds[0] is sa.Float and isinstance(old, sa.Double)
    if kinds not in WIDER:
        return True
    return kinds[1] is sa.String and length(new) < 36


def rewrites(old: Any, new: Any) -> bool:
    """Whether PostgreSQL has to write all rows anew, or read them, for this.

    https://www.postgresql.org/docs/current/sql-altertable.html: not where the new type holds the old one as
    it is: a longer or unlimited VARCHAR, TEXT, a NUMERIC with more digits before the point.
    """
    if isinstance(old, sa.Enum) or isinstance(new, sa.Enum):
        return True
    kinds = (_kind(old), _kind(new))
    if kinds == (sa.String, sa.String):
        return isinstance(old, sa.CHAR) or isinstance(new, sa.CHAR) or length(new) < length(old)
    if kinds == (sa.Numeric, sa.Numeric):
        return not _grows(old, new) or (new.precision is not None and new.scale != old.scale)
    return True


def length(kind: Any) -> float:
    """Return how many characters a type holds; https://mariadb.com/kb/en/text/ counts bytes."""
    declared: int | None = getattr(kind, "length", None)
    if declared is not None:
        return declared
    name = type(kind).__name__
    return TEXTS.get(name, float("inf")) if type(kind).__module__.startswith(mysql.__name__) else float("inf")


def _kind(kind: Any) -> type:
    affinity: type = sa.types.to_instance(kind)._type_affinity
    return sa.String if isinstance(kind, sa.Enum) else affinity


def _rank(kind: Any) -> int:
    ranks = [rank for rank, integer in enumerate(INTEGERS) if isinstance(kind, integer)]
    if isinstance(kind, sa.SmallInteger):
        return 1
    return 4 if isinstance(kind, sa.BigInteger) else min(ranks, default=3)


def _grows(old: Any, new: Any) -> bool:
    """Whether no digit is lost on either side of the point."""
    if new.precision is None:
        return True
    if old.precision is None:
        return False
    scales = (old.scale or 0, new.scale or 0)
    return scales[1] >= scales[0] and new.precision - scales[1] >= old.precision - scales[0]
