"""Reports the revision of each of several databases after one of them could not be migrated."""

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from .. import output
from ..backends.base import Database
from ..errors import MigrationError
from . import binds
from .heads import describe


def tell(databases: list[Database], failed: Database, script: ScriptDirectory) -> None:
    """Print the revision of each database, read through a new connection and not from memory."""
    after = False
    for database in databases:
        fate = "failed" if database is failed else "not reached" if after else "done"
        after |= database is failed
        output.notice(f"  {binds.label(database)}: {_revision(database, script)} ({fate})")


def _revision(database: Database, script: ScriptDirectory) -> str:
    try:
        if not database.exists():
            return "does not exist"
        with database.connect() as connection:
            migration = MigrationContext.configure(connection, opts=database.version_options)
            return f"at {describe(script, migration.get_current_heads())}"
    except (DBAPIError, MigrationError):
        return "does not answer"
