"""Exceptions for problems that the user can fix, and how other exceptions are described."""

import traceback
from pathlib import Path


class MigrationError(Exception):
    """A migration was refused or failed. The message is one sentence that explains what to do.

    The command line prints it and exits with code 1. Code that calls this library or Flask-Migrate catches
    it::

        try:
            flask_migrate.upgrade()
        except MigrationError as error:
            print(error)
    """

    exit_code = 1

    @property
    def message(self) -> str:
        return str(self)


class UsageError(MigrationError):
    """The command was called with invalid arguments. The exit code is 2."""

    exit_code = 2


def first_line(error: object) -> str:
    """Return the first line of an error's text, without the full stop."""
    return str(error).strip().partition("\n")[0].rstrip(".")


def describe_database_error(error: object) -> str:
    """Return the first line of a driver's error, with PostgreSQL's DETAIL: which objects depend on others.

    https://www.postgresql.org/docs/current/protocol-error-fields.html On SQLite, an error during a rebuild
    names the copy of the table.
    """
    detail = getattr(getattr(error, "diag", None), "message_detail", None)
    lines = [line.strip().rstrip(".") for line in (detail or "").splitlines()]
    more = [f"and {len(lines) - 5} more"] if len(lines) > 5 else []
    first = first_line(error).replace("_alembic_tmp_", "")
    return f"{first} ({'; '.join([*lines[:5], *more])})" if lines else first


def find_line(error: BaseException, path: Path) -> int | None:
    """Return the last line of the file that was running when the error was raised, or None."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(path)), None)
