"""Names that a server gives to a constraint that nobody has named."""

import re

MADE_UP = {
    "postgresql": r"{table}_(.+_)?(pkey|key|fkey|check|excl)\d*",
    "mysql": r"{table}_ibfk_\d+|CONSTRAINT_\d+",
    "mariadb": r"{table}_ibfk_\d+|CONSTRAINT_\d+|{table}_ibfk.*",
}


def is_made_up(dialect: str, table: str, name: str | None) -> bool:
    pattern = MADE_UP.get(dialect)
    return name is None or bool(pattern and re.fullmatch(pattern.format(table=re.escape(table)), name))
