"""Values of rows, as Python and as SQL."""

import datetime
import decimal
import enum
import math
import uuid
from typing import Any

from sqlalchemy import Dialect, literal

from ..backends.escaping import single

MODULES = {datetime: "datetime", decimal: "decimal", uuid: "uuid"}


class UnwritableError(Exception):
    """There is no literal for a value of this type."""


def as_python(value: Any, imports: set[str]) -> str:
    """Return the literal; notes the import that it needs."""
    if isinstance(value, enum.Enum):
        value = value.name
    if isinstance(value, float) and not math.isfinite(value):
        raise UnwritableError(value)
    if isinstance(value, str):
        return repr(str(value))
    if value is None or type(value) in {bool, int, float, bytes}:
        return repr(value)
    if isinstance(value, datetime.datetime) and value.tzinfo:
        value = value.astimezone(datetime.UTC)
        imports.add("import datetime")
        return repr(value).replace("datetime.timezone.utc", "datetime.UTC")
    for module, name in MODULES.items():
        if type(value).__module__ == name and hasattr(module, type(value).__name__):
            imports.add(f"import {name}")
            text = repr(value)
            return text if text.startswith(f"{name}.") else f"{name}.{text}"
    if isinstance(value, list):
        return f"[{', '.join(as_python(each, imports) for each in value)}]"
    if isinstance(value, dict):
        items = (f"{as_python(k, imports)}: {as_python(v, imports)}" for k, v in value.items())
        return f"{{{', '.join(items)}}}"
    raise UnwritableError(value)


def as_sql(value: Any, dialect: Dialect) -> str:
    """Return the literal of a value as the driver gives it."""
    if value is None:
        return "NULL"
    if isinstance(value, bytes | bytearray | memoryview):
        return f"X'{bytes(value).hex()}'"
    if isinstance(value, datetime.timedelta):  # a TIME of MariaDB
        seconds = int(value.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        fraction = f".{abs(value.microseconds):06}" if value.microseconds else ""
        return f"'{sign}{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}{fraction}'"
    if isinstance(value, datetime.datetime | datetime.date | datetime.time):
        return f"'{value!s}'"
    if isinstance(value, float):
        return repr(value)
    sql = str(literal(value).compile(dialect=dialect, compile_kwargs={"literal_binds": True}))
    return single(sql, dialect)
