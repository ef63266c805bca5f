"""The exception for whatever the person at the keyboard can mend."""

import sys
import traceback
from typing import IO, Any

import click


class MigrationError(click.ClickException):
    """Its message is one sentence; code that calls Flask-Migrate gets it as an exception, not as an exit."""

    def show(self, file: IO[Any] | None = None) -> None:
        if "--verbose" in sys.argv:
            traceback.print_exception(self.__cause__ or self)
        super().show(file)


class UsageError(MigrationError):
    exit_code = 2
