"""Detects names that a server generates for unnamed constraints."""

import re

GENERATED_NAMES = {
    "postgresql": r"{table}_(.+_)?(pkey|key|fkey|check|excl)\d*",
    "mysql": r"{table}_ibfk_\d+|CONSTRAINT_\d+",
    "mariadb": r"{table}_ibfk_\d+|CONSTRAINT_\d+|{table}_ibfk.*",
}


def is_generated_name(dialect: str, table: str, name: str | None) -> bool:
    pattern = GENERATED_NAMES.get(dialect)
    return name is None or bool(pattern and re.fullmatch(pattern.format(table=re.escape(table)), name))
