"""Finds the line of a revision that is running."""

import inspect
import os
from pathlib import Path
from types import FrameType

import alembic

ALEMBIC = str(Path(alembic.__file__).parent) + os.sep


def place_in(path: Path) -> tuple[int, bool]:
    """Return the line of the revision in `path`, 0 for none, and whether it got here by way of Alembic."""
    frame: FrameType | None = inspect.currentframe()
    by_alembic = False
    while frame := frame.f_back if frame else None:
        file = frame.f_code.co_filename
        if file.endswith(path.name) and Path(file).resolve() == path.resolve():
            return frame.f_lineno, by_alembic
        by_alembic |= file.startswith(ALEMBIC)
    return 0, False
