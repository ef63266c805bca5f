"""The result of the folded revisions, and the proof that a baseline gives the same result."""

import warnings
from dataclasses import dataclass

from alembic.operations import ops
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SAWarning

from .. import runtime
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from .rows import compose_insertions
from .selection import Fold
from .sources import Source, Sources
from .state import (
    State,
    TableKey,
    describe_differences,
    raise_differences,
    read_current_state,
    read_state,
    table_title,
)


@dataclass(frozen=True)
class Outcome:
    """The result of the folded revisions in an empty database: what the baseline has to reproduce."""

    revision: str
    # At the last folded revision.
    state: State
    sources: Sources
    # For each table that has rows, the operations that insert them, the most portable one first.
    rows: dict[TableKey, list[ops.MigrateOperation]]
    # At the newest revision.
    head_state: State
    # SQL that sets the counters of generated keys, where inserting the rows alone does not.
    counters: dict[str, str]


def run_folded(database: Database, script: ScriptDirectory, fold: Fold) -> Outcome:
    """Run all revisions on an empty shadow database, record the result, and empty the database again.

    Raises MigrationError if there are objects that a baseline cannot create.
    """
    runtime.run(database, script, fold.upto.revision, upgrade=True)
    with database.connect() as connection:
        if unsupported := database.unsupported_objects(connection):
            raise MigrationError(
                f"These objects cannot be carried into a baseline: {'; '.join(unsupported)}. Nothing was "
                "changed. Use --upto to fold only the revisions before them."
            )
        sources = Sources(database, connection, binds.metadata(database.bind))
        state = read_state(database, connection)
        typed = [sources.metadata(Source.MIXED), sources.metadata(Source.DATABASE)]
        with warnings.catch_warnings():
            # Of tables that refer to each other: their rows are inserted before the keys are created.
            warnings.simplefilter("ignore", SAWarning)
            rows = compose_insertions(database, connection, typed, set(state.rows))
    if fold.rest:
        runtime.run(database, script, "heads", upgrade=True)
    counters = {} if database.counts_given_keys else {**state.counters}
    outcome = Outcome(fold.upto.revision, state, sources, rows, read_current_state(database), counters)
    database.reset()
    return outcome


def prove_baseline(database: Database, staged: ScriptDirectory, outcome: Outcome) -> None:
    """Prove the baseline on an empty shadow database, which is at the newest revision afterwards.

    The upgrade gives the same schema, rows and counters as the folded revisions, the downgrade leaves
    nothing, and the later revisions end in the same schema. The rows of later revisions may hold the
    current time, so these are counted, not compared. Raises MigrationError.
    """
    _run(database, staged, outcome.revision, upgrade=True)
    state = read_current_state(database)
    changed = describe_differences(outcome.state, state)
    raise_differences(list(changed.values()), "the baseline would not create the same schema")
    if state.rows != outcome.state.rows or state.counters != outcome.state.counters:
        raise_differences([["the rows are not the same"]], "the baseline would not insert the same rows")
    _run(database, staged, "base", upgrade=False)
    remaining = read_current_state(database)
    if not remaining.is_empty:
        raise MigrationError(
            f"Nothing was changed: the downgrade of the baseline leaves {', '.join(_names(remaining))}."
        )
    _run(database, staged, "heads", upgrade=True)
    before, after = outcome.head_state, read_current_state(database)
    differences = list(describe_differences(before, after).values())
    differences += [
        [f"{table_title(key)} does not have the same number of rows"]
        for key in before.rows.keys() | after.rows.keys()
        if len(before.rows.get(key, ())) != len(after.rows.get(key, ()))
    ]
    raise_differences(differences, "the newest revision would not have the same schema")


def _run(database: Database, script: ScriptDirectory, destination: str, *, upgrade: bool) -> None:
    try:
        runtime.run(database, script, destination, upgrade=upgrade)
    except MigrationError as error:
        direction = "upgrade" if upgrade else "downgrade"
        reason = error.message.partition(f" {database.after_failure}")[0]
        raise MigrationError(
            f"Nothing was changed: the {direction} with the baseline failed. {reason}"
        ) from error


def _names(state: State) -> list[str]:
    rows = [f"rows in {key[1]}" for key in state.rows]
    return [*sorted(state.schema), *rows][:5]
