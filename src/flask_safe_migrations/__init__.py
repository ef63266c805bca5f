"""Safe migrations for Flask applications: Flask-Migrate's commands with locks, verification and snapshots.

Importing this package loads neither Alembic nor Flask-Migrate, so it costs a web worker nothing.
"""

from typing import TYPE_CHECKING, Any

from .errors import MigrationError
from .extension import Migrate
from .naming import RequiredName

if TYPE_CHECKING:
    from .environment import Environment

    __version__: str

__all__ = ["NAMING_CONVENTION", "Environment", "Migrate", "MigrationError", "__version__"]

# Gives every constraint a name, so that a later revision can drop or change it on every engine.
# column_0_N includes all columns. Otherwise two constraints of a table could get the same name.
# https://docs.sqlalchemy.org/en/21/core/constraints.html#configuring-constraint-naming-conventions
NAMING_CONVENTION: dict[str, Any] = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
    "constraint_name": RequiredName(),  # a CHECK without a name is an error that shows which one
}


def __getattr__(name: str) -> Any:
    if name == "Environment":  # it needs Alembic
        from .environment import Environment

        return Environment
    if name == "__version__":  # the version is only in pyproject.toml, so it is looked up on access
        from importlib.metadata import version

        return version("flask-safe-migrations")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
