"""The models, one module per group of tables; every module in here is imported by itself.

A model that nobody imports would be missing from the metadata, and the next revision would drop its table.
"""

import pkgutil
import traceback
from importlib import import_module

from ..errors import SetupError


def load() -> None:
    """Import all modules of this package; raise SetupError with file and line where one is broken."""
    for module in pkgutil.walk_packages(__path__, f"{__name__}."):
        try:
            import_module(module.name)
        except Exception as error:  # whatever a module does when it is imported
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
