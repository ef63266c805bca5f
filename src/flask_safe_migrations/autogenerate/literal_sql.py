"""SQL that a server has reported, to be written into a revision as it stands."""

from sqlalchemy import DefaultClause, TextClause, text

from ..backends.escaping import escaped


def escape_bind_params(sql: str) -> TextClause:
    """A colon in it is no parameter: '{"a":1}'."""
    return text(escaped(sql))


def default(reflected: DefaultClause) -> DefaultClause:
    return DefaultClause(escape_bind_params(reflected.arg.text))  # type: ignore[union-attr]
