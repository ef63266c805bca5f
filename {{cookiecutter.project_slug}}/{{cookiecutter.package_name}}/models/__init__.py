"""The models, one module per group of tables. All modules of this package are imported automatically.

A model that is not imported is missing from the metadata, and the next revision would drop its table.
"""

import pkgutil
import traceback
from importlib import import_module

from ..errors import SetupError


def load() -> None:
    """Import all modules of this package. Raise SetupError with file and line if an import fails."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        try:
            import_module(module.name)
        except Exception as error:  # a module can raise anything on import
            raise SetupError(f"{_place(error)}: {type(error).__name__}: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return text.partition("\n")[0]


def _place(error: Exception) -> str:
    """Return file:line of the last frame inside this package."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(str(__path__[0]))]
    return f"{own[-1].filename}:{own[-1].lineno}"
