"""A mistake that can be fixed is reported in one sentence."""

import sys
import traceback
from typing import IO, Any

import click


class SetupError(click.ClickException):
    """Stops the application at start: `flask` prints its message and exits with 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        if "--verbose" in sys.argv:
            traceback.print_exception(self.__cause__ or self)
        super().show(file)
