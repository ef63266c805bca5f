"""Errors that the user can fix are reported in one sentence."""

import sys
import traceback
from typing import IO, Any

import click


class SetupError(click.ClickException):
    """Stop the application at start. `flask` prints the message and exits with code 1."""

    def show(self, file: IO[Any] | None = None) -> None:
        if "--verbose" in sys.argv:
            traceback.print_exception(self.__cause__ or self)
        super().show(file)
