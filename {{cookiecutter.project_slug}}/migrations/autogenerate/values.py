"""Values for rows that are there already, as SQL literals that every engine understands."""

import re
from typing import Any

from sqlalchemy import Column, Dialect, Enum, TextClause, literal, text, types
from sqlalchemy.exc import CompileError

EXPRESSION = re.compile(r"\w+\(.*\)|CURRENT_\w+", re.IGNORECASE)
# By affinity, the first that fits. In quotes even for numbers: every engine converts, none rewrites.
NEUTRAL: list[tuple[Any, str]] = [
    (types.Boolean, "0"),
    (types.Numeric, "0"),
    (types.Integer, "0"),
    (types.DateTime, "1970-01-01 00:00:00"),
    (types.Date, "1970-01-01"),
    (types.Time, "00:00:00"),
    (types.Interval, "0"),
    (types.JSON, "{}"),
    (types.ARRAY, "{}"),
    (types.Uuid, "00000000-0000-0000-0000-000000000000"),
]


def written(said: str, kind: types.TypeEngine[Any]) -> str | TextClause:
    """Return what somebody typed: a value, or for anything but text an expression such as now()."""
    return text(said) if EXPRESSION.fullmatch(said) and not isinstance(kind, types.String) else said


def scalar_default(wanted: Column[Any], dialect: Dialect) -> str | None:
    """Return the value of `default=` in the model, if it is a constant."""
    if wanted.default is None or not wanted.default.is_scalar:
        return None
    try:
        value = literal(wanted.default.arg, wanted.type)  # type: ignore[attr-defined]
        sql = str(value.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    except (CompileError, NotImplementedError):
        return None
    if sql.casefold() in {"true", "false"}:
        return str(int(sql.casefold() == "true"))
    return sql[1:-1].replace("''", "'") if sql.startswith("'") else sql


def neutral(kind: types.TypeEngine[Any]) -> str:
    if isinstance(kind, Enum) and kind.enums:
        return str(kind.enums[0])
    return next((value for affinity, value in NEUTRAL if isinstance(kind, affinity)), "")
