"""Escapes percent signs, colons and tabs, so that SQL in a revision runs as the original text.

Drivers with % as parameter marker need a literal percent sign doubled. SQLAlchemy doubles it whenever it
compiles SQL. Alembic writes the doubled signs into the file, and they would be doubled again when the
revision runs. In the text of a statement, `:name` is a parameter, and a backslash before the colon escapes
it: https://docs.sqlalchemy.org/en/21/core/sqlelement.html#sqlalchemy.sql.expression.text
"""

import re
from collections.abc import Callable
from typing import Any

from sqlalchemy import CheckConstraint, DefaultClause, Dialect, Table, TextClause, text

from .. import _compat

# Matches before text that sa.text() reads as a parameter, and before a backslash that it would remove.
PARAMETER_LIKE = re.compile(r"(?<![:\w\\])(?=:\w+(?![:\w]))|(?=\\:\w*(?![:\w]))")
LITERAL = re.compile(r"('(?:[^']|'')*')")
NAME_QUOTES = re.compile(r"[`\"\[\]]")
# Literals and quoted names, or the whitespace between them.
QUOTED_OR_SPACE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|\s+""")


def escaped(sql: str) -> str:
    """Escape this SQL for sa.text() and op.execute()."""
    return PARAMETER_LIKE.sub(r"\\", sql)


def undouble_percents(sql: str, dialect: Dialect) -> str:
    """Undo the doubling of percent signs in SQL that was compiled for this dialect."""
    doubles = _compat.doubles_percents(dialect.identifier_preparer)
    return sql.replace("%%", "%") if doubles else sql


def quote_name(dialect: Dialect, *names: str | None) -> str:
    """Return the dotted name, quoted where necessary, with percent signs as they are."""
    quote = dialect.identifier_preparer.quote
    return undouble_percents(".".join(quote(name) for name in names if name), dialect)


def read_statement(statement: str, context: Any) -> str:
    """Return a statement as the server gets it, for a handler of "before_cursor_execute"."""
    return undouble_percents(statement, context.dialect) if context.compiled is not None else statement


def quote_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def unquote_literal(sql: str) -> str:
    return sql[1:-1].replace("''", "'")


def on_one_line(sql: str) -> str:
    """Remove line breaks, except inside literals."""
    return QUOTED_OR_SPACE.sub(lambda found: found[1] or " ", sql).strip()


def change_outside_literals(sql: str, change: Callable[[str], str]) -> str:
    """Apply `change` to each part of the SQL that lies between literals."""
    parts = LITERAL.split(sql)
    return "".join(part if number % 2 else change(part) for number, part in enumerate(parts))


def without_name_quotes(sql: str) -> str:
    """Remove the quotes around names, and needless whitespace. Equal results mean equal SQL."""
    return change_outside_literals(sql, lambda part: re.sub(r"\s+", " ", NAME_QUOTES.sub("", part))).strip()


def escape_reported_sql(table: Table, reported: Table | None = None) -> None:
    """Make SQLAlchemy write colons in reported SQL literally, instead of reading them as parameters.

    If `table` was created from `reported`, the table in the database, only the unchanged parts are
    affected.
    """
    reported = table if reported is None else reported
    known = {each.sqltext.text for each in _conditions(reported)}
    for each in _conditions(table):
        if each.sqltext.text in known:
            each.sqltext = text(escaped(each.sqltext.text))
    for column in table.columns:
        default = column.server_default
        if isinstance(default, DefaultClause) and default.reflected and isinstance(default.arg, TextClause):
            column.server_default = DefaultClause(text(escaped(default.arg.text)))


def escape_reported_indexes(reported: Table) -> None:
    """Do the same for the conditions and expressions of indexes."""
    for index in reported.indexes:
        options: Any = index.dialect_kwargs
        for name, value in list(options.items()):
            options[name] = escape_reported_clause(value, condition=name.endswith("_where"))
        index.expressions = [escape_reported_clause(each) for each in index.expressions]


def escape_reported_clause(clause: Any, *, condition: bool = False) -> Any:
    """Escape a clause if it is SQL that the database reported, and return anything else unchanged."""
    if condition and isinstance(clause, str):  # PostgreSQL's dialect reports a string
        return text(escaped(clause))
    return text(escaped(clause.text)) if isinstance(clause, TextClause) else clause


def _conditions(table: Table) -> list[Any]:
    found: list[Any] = [each.computed for each in table.columns if each.computed is not None]
    found += [each for each in table.constraints if isinstance(each, CheckConstraint)]
    return [each for each in found if isinstance(each.sqltext, TextClause)]
