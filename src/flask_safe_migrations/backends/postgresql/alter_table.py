"""Alembic's implementation for PostgreSQL: keys of each integer type, and revisions written for MariaDB."""

from typing import Any

from alembic.ddl.postgresql import PostgresqlImpl
from sqlalchemy import INTEGER, SMALLINT

from ..impl import IgnoredAutoincrement, SinglePercent


class PostgreSQLImpl(IgnoredAutoincrement, SinglePercent, PostgresqlImpl):
    """Defining the class registers it."""

    __dialect__ = "postgresql"

    def autogen_column_reflect(self, inspector: Any, table: Any, column_info: Any) -> None:
        """Leave out the default of a SMALLSERIAL too, as Alembic does for SERIAL and BIGSERIAL."""
        is_small = isinstance(column_info["type"], SMALLINT)
        column = column_info | {"type": INTEGER()} if is_small else column_info
        super().autogen_column_reflect(inspector, table, column)  # type: ignore[no-untyped-call]
        if "default" not in column:
            column_info.pop("default", None)
