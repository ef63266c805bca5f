"""Percent signs, colons, tabs: SQL is written into a revision so that what runs is that text again.

Drivers that mark parameters by % need a percent sign twice, and SQLAlchemy makes two of it whenever it
compiles SQL: Alembic writes both into the file, where each would be made two once more when the revision
runs. In the text of a statement `:name` is a parameter, and a backslash before a colon says that it is none:
https://docs.sqlalchemy.org/en/21/core/sqlelement.html#sqlalchemy.sql.expression.text
"""

import re
from typing import Any

from alembic.ddl.impl import DefaultImpl
from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import (
    BindParameter,
    CheckConstraint,
    DefaultClause,
    Dialect,
    Table,
    TextClause,
    literal,
    text,
)
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql import visitors

from .. import _compat

# Before what sa.text() takes for a parameter, and before a backslash that it would take away.
READ_AS_MORE = re.compile(r"(?<![:\w\\])(?=:\w+(?![:\w]))|(?=\\:\w*(?![:\w]))")
# Literals and quoted names; or the space between them.
QUOTED_OR_SPACE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|\s+""")

NOTHING: dict[str, Any] = {}


def escaped(sql: str) -> str:
    """Return what sa.text() and op.execute() make this SQL of."""
    return READ_AS_MORE.sub(r"\\", sql)


def single(sql: str, dialect: Dialect) -> str:
    """Return SQL that was compiled for this dialect with each percent sign as it was."""
    doubles = _compat.doubles_percents(dialect.identifier_preparer)
    return sql.replace("%%", "%") if doubles else sql


def on_one_line(sql: str) -> str:
    """Take line breaks away, but for those in a value."""
    return QUOTED_OR_SPACE.sub(lambda found: found[1] or " ", sql).strip()


def take_literally(table: Table, reported: Table | None = None) -> None:
    """SQLAlchemy reads a colon in what a server reports as a parameter: have it written as it stands.

    Of a table that was made of `reported`, the one in the database, only what is still so.
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


def take_indexes_literally(reported: Table) -> None:
    for index in reported.indexes:
        options: Any = index.dialect_kwargs
        for name, value in list(options.items()):
            options[name] = as_reported(value, condition=name.endswith("_where"))
        index.expressions = [as_reported(each) for each in index.expressions]


def as_reported(clause: Any, *, condition: bool = False) -> Any:
    if condition and isinstance(clause, str):  # by PostgreSQL's dialect
        return text(escaped(clause))
    return text(escaped(clause.text)) if isinstance(clause, TextClause) else clause


def _conditions(table: Table) -> list[Any]:
    found: list[Any] = [each.computed for each in table.columns if each.computed is not None]
    found += [each for each in table.constraints if isinstance(each, CheckConstraint)]
    return [each for each in found if isinstance(each.sqltext, TextClause)]


class SinglePercent(DefaultImpl):
    def render_ddl_sql_expr(self, *expression: Any, **options: Any) -> str:
        sql = single(super().render_ddl_sql_expr(*expression, **options), self.dialect)
        return sql if options.get("is_index") else escaped(sql)  # there it becomes a literal_column()

    def _exec(
        self, construct: Any, execution_options: Any = None, multiparams: Any = None, params: Any = NOTHING
    ) -> Any:
        """With --sql Alembic makes spaces of a tab in a value, and has no literal for one without a type."""
        if not self.as_sql or multiparams is not None or params:
            return super()._exec(construct, execution_options, multiparams, params)
        construct = text(construct) if isinstance(construct, str) else construct
        literal_binds = {}
        if self.literal_binds and not isinstance(construct, DDLElement):
            literal_binds = {"literal_binds": True}
            for each in visitors.iterate(construct):
                if (
                    isinstance(each, BindParameter)
                    and _compat.is_null_type(each.type)
                    and each.value is not None
                ):
                    each.type = literal(each.value).type
        sql = str(construct.compile(dialect=self.dialect, compile_kwargs=literal_binds))
        sql = QUOTED_OR_SPACE.sub(lambda found: found[1] or found[0].replace("\t", "    "), sql)
        self.static_output(sql.strip() + self.command_terminator)
        return None


class _OnPostgreSQL(SinglePercent, PostgresqlImpl):
    __dialect__ = "postgresql"
