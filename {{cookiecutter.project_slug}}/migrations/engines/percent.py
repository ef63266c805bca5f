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
from sqlalchemy import Dialect, text

# Before what sa.text() takes for a parameter, and before a backslash that it would take away.
READ_AS_MORE = re.compile(r"(?<![:\w\\])(?=:\w+(?![:\w]))|(?=\\:\w*(?![:\w]))")
# Literals and quoted names; or the space between them.
QUOTED_OR_SPACE = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`)|\s+""")


def escaped(sql: str) -> str:
    """Return what sa.text() and op.execute() make this SQL of."""
    return READ_AS_MORE.sub(r"\\", sql)


def single(sql: str, dialect: Dialect) -> str:
    """Return SQL that was compiled for this dialect with each percent sign as it was."""
    doubled: Any = dialect.identifier_preparer
    return sql.replace("%%", "%") if doubled._double_percents else sql


def on_one_line(sql: str) -> str:
    """Take line breaks away, but for those in a value."""
    return QUOTED_OR_SPACE.sub(lambda found: found[1] or " ", sql).strip()


class SinglePercent(DefaultImpl):
    def render_ddl_sql_expr(self, *expression: Any, **options: Any) -> str:
        sql = single(super().render_ddl_sql_expr(*expression, **options), self.dialect)
        return sql if options.get("is_index") else escaped(sql)  # there it becomes a literal_column()

    def _exec(self, construct: Any, *arguments: Any, **options: Any) -> Any:
        """With --sql Alembic makes spaces of a tab, also in a value."""
        if not self.as_sql or arguments or options:
            return super()._exec(construct, *arguments, **options)
        construct = text(construct) if isinstance(construct, str) else construct
        literal = {"literal_binds": True} if self.literal_binds and not construct.is_ddl else {}
        sql = str(construct.compile(dialect=self.dialect, compile_kwargs=literal))
        sql = QUOTED_OR_SPACE.sub(lambda found: found[1] or found[0].replace("\t", "    "), sql)
        self.static_output(sql.strip() + self.command_terminator)
        return None


class _OnPostgreSQL(SinglePercent, PostgresqlImpl):
    __dialect__ = "postgresql"
