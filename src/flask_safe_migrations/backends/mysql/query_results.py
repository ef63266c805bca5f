"""The results of the queries in a revision, as SQL that returns them again.

A revision that is resumed has to take the way that it took before, and what it reads has changed since, by
itself: the rows without a value have got one, the column that it looks for exists.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from .statements import quote

LONGEST_NAME = 64
# A query of this fails with error 1146, as one of a table that does not exist.
FAILING = "DESCRIBE `migration_missing_table`"


def write_select(names: Sequence[str], rows: Sequence[Any], *, longest: int, is_mariadb: bool) -> str | None:
    """Return a SELECT of these rows, or None if there is none: they are too many, or of an unknown type.

    :param longest: the characters that it may have.
    """
    if not names or any(len(name) > LONGEST_NAME or name.strip() != name or not name for name in names):
        return None
    if not rows:
        columns = [f"NULL AS {quote(name)}" for name in names]
        return f"SELECT {', '.join(columns)} FROM DUAL WHERE FALSE"  # noqa: S608
    # https://mariadb.com/kb/en/table-value-constructors/
    before = "(" if is_mariadb else "ROW("
    texts: list[str] = []
    length = 0
    for row in rows:
        values = [_write_literal(value) for value in row]
        if None in values:
            return None
        texts.append(f"{before}{', '.join(map(str, values))})")
        length += len(texts[-1])
        if length > longest:
            return None
    columns = [f"c{number}" for number in range(len(names))]
    found = f"WITH found ({', '.join(columns)}) AS (VALUES {', '.join(texts)})"
    shown = ", ".join(f"{column} AS {quote(name)}" for column, name in zip(columns, names, strict=True))
    return f"{found} SELECT {shown} FROM found"  # noqa: S608


def _write_literal(value: Any) -> str | None:
    """Return SQL of which the driver makes the same value."""
    match value:
        case None:
            return "NULL"
        case int() if value < 2**63:  # beside a smaller number or NULL, a larger one is a DECIMAL
            return str(int(value))
        case float():
            return repr(value) if "e" in repr(value) else f"{value!r}e0"  # without it, a DECIMAL
        case Decimal():
            return f"{value:f}"
        case datetime():
            return f"CAST('{value}' AS DATETIME(6))"
        case date():
            return f"CAST('{value}' AS DATE)"
        case timedelta():
            sign, whole = ("-", -value) if value.days < 0 else ("", value)
            seconds = whole.days * 86400 + whole.seconds
            time = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}.{whole.microseconds:06}"
            return f"CAST('{sign}{time}' AS TIME(6))"
        case bytes():
            return f"X'{value.hex()}'"
        case str():
            return f"_utf8mb4 X'{value.encode().hex()}'"  # without quotes and percent signs
    return None
