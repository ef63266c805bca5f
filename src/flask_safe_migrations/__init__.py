"""Safe migrations for Flask applications: Flask-Migrate's commands with locks, verification and snapshots.

Importing this package loads neither Alembic nor Flask-Migrate, so it costs a web worker nothing.
"""

from typing import TYPE_CHECKING, Any

from .errors import MigrationError
from .extension import Migrate
from .naming import NAMING_CONVENTION

if TYPE_CHECKING:
    from .environment import Environment

    __version__: str

__all__ = ["NAMING_CONVENTION", "Environment", "Migrate", "MigrationError", "__version__"]


def __getattr__(name: str) -> Any:
    if name == "Environment":  # it needs Alembic
        from .environment import Environment

        return Environment
    if name == "__version__":  # the version is only in pyproject.toml, so it is looked up on access
        from importlib.metadata import version

        return version("flask-safe-migrations")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
