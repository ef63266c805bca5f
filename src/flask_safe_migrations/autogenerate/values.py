"""Converts text, as it is typed or stands in SQL, to a value of a column's type."""

import json
import uuid
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import types

TRUE, FALSE = {"1", "true", "t", "yes", "on"}, {"0", "false", "f", "no", "off"}
# How a value is written, for the message about one that is not.
FORMS: list[tuple[type[types.TypeEngine[Any]], str]] = [
    (types.Boolean, "write true or false"),
    (types.Integer, "write a whole number"),
    (types.Numeric, "write a number such as 1.50"),
    (types.Float, "write a number such as 1.5"),
    (types.DateTime, "write it as 2026-01-31 23:59:00"),
    (types.Date, "write it as 2026-01-31"),
    (types.Time, "write it as 23:59:00"),
    (types.Uuid, "write it as 12345678-1234-5678-1234-567812345678"),
    (types.JSON, "write JSON, such as {} or null"),
]


def parse_text(text: str, kind: types.TypeEngine[Any]) -> Any:
    """Return the value that `text` stands for in a column of this type.

    The text itself is returned for a type that is not known here.

    :raises ValueError: if the type has no such value; its text is how to write one.
    """
    try:
        return _parse(text, kind)
    except (ValueError, InvalidOperation):
        if isinstance(kind, types.Enum):
            raise ValueError(f"write one of {', '.join(map(str, kind.enums))}") from None
        if isinstance(kind, types.String):
            raise ValueError(f"write at most {kind.length} characters") from None
        raise ValueError(next(form for affinity, form in FORMS if isinstance(kind, affinity))) from None


def _parse(text: str, kind: types.TypeEngine[Any]) -> Any:
    match kind:
        case types.Enum():
            return kind.enums[kind.enums.index(text)]
        case types.Boolean():
            return [text.casefold() in TRUE, text.casefold() in FALSE].index(True) == 0
        case types.String():
            if kind.length is not None and len(text) > kind.length:
                raise ValueError
            return text
        case types.Integer():
            return int(text.replace("_", "?"))  # int() ignores them
        case types.Float():
            return float(text.replace("_", "?"))
        case types.Numeric():
            return Decimal(text.replace("_", "?"))
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
