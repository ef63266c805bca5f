"""Converts text, as it is typed or stands in SQL, to a value of a column's type."""

import json
import uuid
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import types

TRUE, FALSE = {"1", "true", "t", "yes", "on"}, {"0", "false", "f", "no", "off"}


def parse_text(text: str, kind: types.TypeEngine[Any]) -> Any:
    """Return the value that `text` stands for in a column of this type.

    The text itself is returned for a type that is not known here.

    :raises ValueError: if the type has no such value.
    """
    if isinstance(kind, types.TypeDecorator):
        return text
    match kind:
        case types.Enum():
            if text not in kind.enums:
                raise ValueError(f"it is none of {', '.join(map(repr, kind.enums))}")
            return text
        case types.Boolean():
            if text.casefold() not in TRUE | FALSE:
                raise ValueError("it is neither true nor false")
            return text.casefold() in TRUE
        case types.Integer():
            return int(text)
        case types.Float():
            return float(text)
        case types.Numeric():
            return _parse_decimal(text)
        case types.DateTime():
            return datetime.fromisoformat(text)
        case types.Date():
            return date.fromisoformat(text)
        case types.Time():
            return time.fromisoformat(text)
        case types.Uuid():
            return uuid.UUID(text)
        case types.JSON():
            return json.loads(text)
    return text


def _parse_decimal(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise ValueError("it is no number") from None
    if not value.is_finite():
        raise ValueError("it is no number")
    return value
