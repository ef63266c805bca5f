"""Constraints without a name, or with one that the server has made up, get those that the revisions give."""

from itertools import groupby

from alembic.runtime.migration import MigrationContext

from ..backends.base import Database
from ..backends.constraints import ConstraintRename, constraint_renames
from ..errors import MigrationError
from ..runtime.errors import one_sentence


def give_names(database: Database, like: Database, changes: list[ConstraintRename]) -> None:
    """Give the names that `like` has, in one transaction where the engine has one; raises MigrationError.

    MariaDB has none: where it stops half-way, the names that are given stay, and the next run gives the rest.
    """
    with database.lock():
        database.run_with_retries(lambda: _give(database, like, {change.part.place for change in changes}))


def _give(database: Database, like: Database, tables: set[str]) -> None:
    with (
        one_sentence(database),
        database.connect(database.statement_limits()) as connection,
        like.connect() as pattern,
        database.migration_session(connection),
    ):

        def missing() -> list[ConstraintRename]:
            found = constraint_renames(database.constraints(connection), like.constraints(pattern))
            return sorted((change for change in found if change.part.place in tables), key=_table)

        migration = MigrationContext.configure(connection, opts=dict(database.options))
        # The first is SQLite's, for a whole run; the other PostgreSQL's, for one revision.
        with migration.begin_transaction(), migration.begin_transaction(_per_migration=True):
            database.begin_migration(migration)
            verify = database.integrity_check(connection)
            for _, ours in groupby(missing(), key=_table):  # somebody else may have done it meanwhile
                database.rename_constraints(connection, pattern, list(ours))
            if left := missing():
                raise MigrationError(f"Not all names could be given: {left[0]}. {database.after_failure}.")
            verify()


def _table(change: ConstraintRename) -> str:
    return change.part.place
