"""The revisions in versions/, and databases built from them."""

from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from ..engines.base import Database
from .errors import one_sentence
from .heads import alembic_config
from .progress import Progress


def directory() -> ScriptDirectory:
    return ScriptDirectory.from_config(alembic_config())


def build(database: Database, script: ScriptDirectory, upto: str) -> None:
    """Run the history up to `upto` on an empty throwaway database, silently."""
    if upto == "base":
        return

    def revisions(heads: Any, _migration: MigrationContext) -> Any:
        return script._upgrade_revs(upto, heads)

    progress = Progress(database, script, quiet=True)
    options = {
        **database.options,
        "script": script,
        "fn": progress.watch(revisions, lambda _migration: None),
    }
    with (
        one_sentence(database, progress),
        database.connect() as connection,
        database.migrating(connection),
    ):
        migration = MigrationContext.configure(connection, opts=options)
        with Operations.context(migration), migration.begin_transaction():
            database.begin(migration)
            migration.run_migrations()
