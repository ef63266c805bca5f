"""Filters and logging, shared by the comparators of this package.

Like Alembic's own, each comparator calls `include_name` and `include_object`, and logs what it finds.
"""

import logging
from typing import Any

from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Table

log = logging.getLogger("flask_safe_migrations.autogenerate")


def follow_alembic() -> None:
    """Log below Alembic's loggers. A `fileConfig()` in env.py configures these and disables all others.

    https://docs.python.org/3/library/logging.config.html#logging.config.fileConfig
    """
    for logger in (log, logging.getLogger("flask_safe_migrations")):
        logger.disabled = False
    log.setLevel(logging.getLogger("alembic.autogenerate").getEffectiveLevel())


def named(
    context: AutogenContext, kind: Any, name: str, schema: str | None, table: str | None = None
) -> bool:
    """Apply `include_name` to an object of the database."""
    parents: Any = {"schema_name": schema, "table_name": table}
    return context.run_name_filters(name, kind, parents)


def wanted(context: AutogenContext, table: Table) -> bool:
    """Apply `include_object` to a table of the models."""
    return context.run_object_filters(table, table.name, "table", False, None)
