"""The exceptions for whatever the person at the keyboard can fix."""


class MigrationError(Exception):
    """A migration was refused or failed. The message is one sentence that says what to do.

    The command line prints it and exits with 1; code that calls this library or Flask-Migrate catches it::

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
    """The command was called with what it does not take: exit code 2."""

    exit_code = 2
