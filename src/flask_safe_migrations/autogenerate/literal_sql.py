"""SQL that a server has reported, to be written into a revision as it stands."""

import re

from sqlalchemy import DefaultClause, TextClause, text

PARAMETER = re.compile(r"(?<![:\w\\]):(?=\w)")


def literally(sql: str) -> TextClause:
    """A colon in it is no parameter: '{"a":1}'."""
    return text(PARAMETER.sub(r"\\:", sql))


def default(reflected: DefaultClause) -> DefaultClause:
    return DefaultClause(literally(reflected.arg.text))  # type: ignore[union-attr]
