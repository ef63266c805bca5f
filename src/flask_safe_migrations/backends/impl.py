"""A percent sign in a CHECK or an index is written into a revision as it stands.

Drivers that mark parameters by % need it twice. Alembic writes it so into the file, where it would be made
four when the revision runs.
"""

from typing import Any

from alembic.ddl.impl import DefaultImpl
from alembic.ddl.postgresql import PostgresqlImpl


class SinglePercent(DefaultImpl):
    def render_ddl_sql_expr(self, *expression: Any, **options: Any) -> str:
        text = super().render_ddl_sql_expr(*expression, **options)
        doubled: Any = self.dialect.identifier_preparer
        return text.replace("%%", "%") if doubled._double_percents else text


class _OnPostgreSQL(SinglePercent, PostgresqlImpl):
    __dialect__ = "postgresql"
