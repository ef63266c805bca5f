"""Write SQL that a server has reported into a revision unchanged."""

from sqlalchemy import DefaultClause, TextClause, text

from ..backends.escaping import escaped


def escape_bind_params(sql: str) -> TextClause:
    """Escape colons, which are not bind parameters here: '{"a":1}'."""
    return text(escaped(sql))


def default(reflected: DefaultClause) -> DefaultClause:
    return DefaultClause(escape_bind_params(reflected.arg.text))  # type: ignore[union-attr]
