"""Alembic comparators, one module for each kind of object, and their registration.

https://alembic.sqlalchemy.org/en/latest/api/plugins.html
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from alembic.runtime.plugins import Plugin
from alembic.util import DispatchPriority

from .. import filters, unsupported
from . import checks, columns, domains, enums, indexes, keys, sequences

# Only Alembic's comparison of server defaults is replaced.
PLUGINS = ["alembic.autogenerate.*", "~alembic.autogenerate.defaults", "flask_safe_migrations"]
FIRST, LAST = DispatchPriority.FIRST, DispatchPriority.LAST

_plugin = Plugin("flask_safe_migrations")
_plugin.add_autogenerate_comparator(unsupported.reset_refusals, "autogenerate", "refusals", priority=FIRST)
_plugin.add_autogenerate_comparator(unsupported.check_columns, "autogenerate", "lint", priority=FIRST)
_plugin.add_autogenerate_comparator(columns.compare, "column", "server_default")
_plugin.add_autogenerate_comparator(checks.compare, "table", "checks")
_plugin.add_autogenerate_comparator(keys.compare, "table", "keys", priority=LAST)
_plugin.add_autogenerate_comparator(indexes.compare, "table", "definitions", priority=LAST)
_plugin.add_autogenerate_comparator(filters.keep_unmanaged_tables, "schema", "foreign", priority=LAST)
_plugin.add_autogenerate_comparator(enums.compare, "schema", "enums", qualifier="postgresql", priority=LAST)
_plugin.add_autogenerate_comparator(
    domains.compare, "schema", "domains", qualifier="postgresql", priority=LAST
)
_plugin.add_autogenerate_comparator(
    sequences.compare, "schema", "sequences", qualifier="postgresql", priority=LAST
)


@contextmanager
def ignore_index_warnings() -> Iterator[None]:
    """Ignore that SQLAlchemy and Alembic do not compare some indexes: they are compared here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*expression-based index")
        warnings.filterwarnings("ignore", ".*detected to include an operator clause")
        yield
