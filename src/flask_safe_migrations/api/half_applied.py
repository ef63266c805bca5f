"""Give up a revision that stopped half-way on MariaDB or MySQL, where every DDL statement commits."""

from .. import output
from ..backends.base import Database, HalfApplied
from ..context import on_bind
from ..errors import MigrationError
from ..runtime import binds
from ..runtime.errors import one_sentence


def abandon_half_applied(*, bind: str | None = None, yes: bool = False) -> list[str]:
    """Forget that a revision is half applied. What has run of it is not undone.

    Return the statements that have run. The database stays at the revision before, so that a downgrade or
    another revision can follow. Example::

        for statement in api.abandon_half_applied(bind="default", yes=True):
            print(statement)

    :param bind: the database. The default is all databases.
    :param yes: do not ask.
    :raises MigrationError: if nobody can be asked, or if a statement of the revision still runs.
    """
    statements: list[str] = []
    with on_bind(bind):
        for database in binds.databases():
            with one_sentence(database):
                if database.exists() and (found := _read(database)):
                    _confirm(database, found, yes=yes)
                    _abandon(database, found)
                    statements += found.statements
    if not statements:
        output.line("Nothing is half applied.")
    return statements


def _read(database: Database) -> HalfApplied | None:
    with database.connect() as connection:
        return database.read_half_applied(connection)


def _confirm(database: Database, found: HalfApplied, *, yes: bool) -> None:
    output.line(f"{database}: {found.step} is half applied. These of its statements have run, and stay:")
    for statement in found.statements:
        output.line(f"  {statement};")
    if not yes and not output.reporter().confirm("Give it up?"):
        raise MigrationError(
            "Nothing was changed: `flask db resume --abandon --yes` gives it up without asking."
        )


def _abandon(database: Database, found: HalfApplied) -> None:
    with database.lock(), database.connect() as connection:
        now = database.read_half_applied(connection)
        if now is None or (now.step, now.statements) != (found.step, found.statements):
            raise MigrationError("Another process goes on with it, and nothing was changed: try again.")
        database.abandon_half_applied(connection, found.step)
    output.line(
        f"Given up: undo these statements by hand, or let the next revision expect them. {found.step} will "
        "run from its beginning if its file is still there."
    )
