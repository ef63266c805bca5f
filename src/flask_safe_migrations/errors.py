"""Exceptions for problems that the user can fix."""


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
