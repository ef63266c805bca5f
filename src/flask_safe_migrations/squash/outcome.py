"""What the folded revisions leave, and what all revisions together leave: the yardstick of the proof."""

import warnings
from dataclasses import dataclass

from alembic.operations import ops
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SAWarning

from .. import runtime
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from .rows import insertions
from .selection import Fold
from .sources import Source, Sources
from .state import Key, State, look, read


@dataclass(frozen=True)
class Outcome:
    revision: str
    state: State
    sources: Sources
    # Ways to insert the rows of each table that has some, the best one first.
    rows: dict[Key, list[ops.MigrateOperation]]
    # At the newest revision.
    end: State
    # What sets the keys that are counted up, where the rows alone do not.
    counters: dict[str, str]


def run_folded(database: Database, script: ScriptDirectory, fold: Fold) -> Outcome:
    """Take an empty throwaway database through all revisions, and make it empty again."""
    runtime.run(database, script, fold.upto.revision, upgrade=True)
    with database.connect() as connection:
        if beyond := database.unsupported_objects(connection):
            raise MigrationError(
                f"These cannot be carried into a baseline, so nothing was changed: {'; '.join(beyond)}. "
                "Fold up to a revision before them, with --upto."
            )
        sources = Sources(database, connection, binds.metadata(database.bind))
        state = read(database, connection)
        typed = [sources.metadata(Source.MIXED), sources.metadata(Source.DATABASE)]
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", SAWarning
            )  # tables that refer to one another: rows come before keys
            rows = insertions(database, connection, typed, set(state.rows))
    if fold.rest:
        runtime.run(database, script, "heads", upgrade=True)
    counters = {} if database.counts_given_keys else {**state.counters}
    folded = Outcome(fold.upto.revision, state, sources, rows, look(database), counters)
    database.reset()
    return folded
