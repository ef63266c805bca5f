"""Keys go on counting behind rows that were inserted with theirs."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Integer, MetaData

from .raw_sql import Written
from .rows import Rows
from .state import Key


def counted(metadata: MetaData, rows: dict[Key, Any]) -> Iterator[tuple[Key, Written]]:
    """On PostgreSQL a key that is given does not count it up, whatever engine the baseline comes from."""
    for schema, name in rows:
        table = metadata.tables[f"{schema}.{name}" if schema else name]
        column = table.autoincrement_column
        if column is not None and isinstance(column.type, Integer) and isinstance(rows[schema, name], Rows):
            place = ".".join(f'"{part}"' for part in (schema, name) if part)
            sql = (
                f"SELECT setval(pg_get_serial_sequence('{place}', '{column.name}'), max(\"{column.name}\")) "  # noqa: S608
                f"FROM {place}"
            )
            yield (schema, name), Written([sql], ("postgresql",))
