"""Finds values that violate a condition, by asking the database about candidates."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice, product
from typing import Any

from sqlalchemy import Connection, literal, literal_column, select, types
from sqlalchemy.exc import DBAPIError, StatementError

from ..backends.escaping import LITERAL, unquote_literal
from .sample_rows import make_sample

MAX_CANDIDATES = 200
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")


def find_violation(
    connection: Connection,
    columns: Mapping[str, types.TypeEngine[Any]],
    condition: str,
    others: Sequence[str],
) -> dict[str, Any] | None:
    """Return values of columns for which a condition is false and the others are not, or None.

    :param columns: the columns of the table with their types.
    :param condition: the SQL of a CHECK, as the database reports it.
    :param others: the conditions that the values have to pass.
    """
    words = set(re.findall(r"\w+", LITERAL.sub("", condition)))
    names = [name for name in columns if name in words]
    candidates = [list(_list_candidates(columns[name], [condition, *others])) for name in names]
    query = f"NOT ({condition})" + "".join(f" AND ({other}) IS NOT FALSE" for other in others)
    for values in islice(product(*candidates), MAX_CANDIDATES) if names else ():
        given = dict(zip(names, values, strict=True))
        row = select(*(literal(value, columns[name]).label(name) for name, value in given.items())).subquery()
        with suppress(DBAPIError, StatementError), connection.begin_nested():
            if connection.scalar(select(literal_column(query)).select_from(row)):
                return given
    return None


def _list_candidates(kind: types.TypeEngine[Any], conditions: Iterable[str]) -> Iterator[Any]:
    """Yield values of the type: those in the conditions, and the ones beside them."""
    text = " ".join(conditions)
    texts = [unquote_literal(found) for found in LITERAL.findall(text)]
    numbers = [Decimal(found) for found in NUMBER.findall(LITERAL.sub("", text))]
    match kind:
        case types.Boolean():
            yield from (False, True)
        case types.Enum():
            yield from kind.enums
        case types.String():
            length = min(kind.length or 255, 255)
            lengths = [int(number) for number in numbers if number <= length]
            near = sorted({max(each + step, 0) for each in lengths for step in (-1, 1)} | {0, 1, length})
            yield from dict.fromkeys(
                [*("x" * each for each in near if each <= length), "A", "0", "@", *texts]
            )
        case types.Integer() | types.Numeric():
            found = sorted({each + step for each in (*numbers, Decimal(0)) for step in (-1, 0, 1)})
            found += [-each for each in found if each > 1] + [Decimal(1000)]
            yield from (int(each) if isinstance(kind, types.Integer) else each for each in found)
        case types.DateTime():
            yield from (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (1970, 2999))
        case types.Date():
            yield from (date(1970, 1, 1), date(2999, 1, 1))
        case _:
            yield from (
                make_sample(kind, number, large=large) for number in (0, 1) for large in (False, True)
            )
