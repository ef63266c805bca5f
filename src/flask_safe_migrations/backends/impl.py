"""What Alembic's implementations of several engines share."""

from typing import Any

from alembic.ddl.impl import DefaultImpl
from sqlalchemy import BindParameter, literal, text
from sqlalchemy.schema import DDLElement
from sqlalchemy.sql import visitors

from .. import _compat
from .escaping import QUOTED_OR_SPACE, escaped, undouble_percents
from .literals import write_literals

NOTHING: dict[str, Any] = {}


class SinglePercent(DefaultImpl):
    """Writes SQL with the escapes that `escaping` describes, into a file or into the output of --sql."""

    def render_ddl_sql_expr(self, *expression: Any, **options: Any) -> str:
        sql = undouble_percents(super().render_ddl_sql_expr(*expression, **options), self.dialect)
        return sql if options.get("is_index") else escaped(sql)  # there it becomes a literal_column()

    def _exec(
        self, construct: Any, execution_options: Any = None, multiparams: Any = None, params: Any = NOTHING
    ) -> Any:
        """Escape what Alembic cannot render with --sql.

        It replaces a tab in a value with spaces, and it cannot render a literal without a type.
        """
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
        write_literals(self.dialect)
        sql = str(construct.compile(dialect=self.dialect, compile_kwargs=literal_binds))
        sql = QUOTED_OR_SPACE.sub(lambda found: found[1] or found[0].replace("\t", "    "), sql)
        self.static_output(self.terminate(sql.strip()))
        return None

    def terminate(self, sql: str) -> str:
        """Return the statement as the client program of the engine reads it."""
        return sql + self.command_terminator


class IgnoredAutoincrement(DefaultImpl):
    """Accepts what only MariaDB needs: Alembic would warn whenever the revision runs."""

    def alter_column(self, table_name: str, column_name: str, **options: Any) -> None:
        for name in ("autoincrement", "existing_autoincrement"):
            options.pop(name, None)
        super().alter_column(table_name, column_name, **options)
