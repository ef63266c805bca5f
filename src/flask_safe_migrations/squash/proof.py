"""A baseline is proved on the engine before a file is moved."""

from alembic.script import ScriptDirectory

from .. import runtime
from ..backends.base import Database
from ..errors import MigrationError
from .composition import refuse
from .outcome import Outcome
from .state import State, by_object, look, title


def prove(database: Database, staged: ScriptDirectory, folded: Outcome) -> None:
    """Raises MigrationError. The database is empty, and is at the newest revision afterwards.

    The baseline leaves the same, it goes away again, and what comes later runs on top of it to the same end.
    Rows that came later may hold the time of day: they are counted.
    """
    _go(database, staged, folded.revision, upgrade=True)
    now = look(database)
    refuse(list(by_object(folded.state, now).values()), "the baseline would not leave the same schema")
    if now.rows != folded.state.rows or now.counters != folded.state.counters:
        refuse([["the rows are not the same"]], "the baseline would not leave the same")
    _go(database, staged, "base", upgrade=False)
    left = look(database)
    if not left.is_empty:
        raise MigrationError(
            f"Nothing was changed: the downgrade of the baseline leaves {', '.join(_names(left))}."
        )
    _go(database, staged, "heads", upgrade=True)
    before, after = folded.end, look(database)
    found = list(by_object(before, after).values())
    found += [
        [f"{title(key)} has not as many rows"]
        for key in before.rows.keys() | after.rows.keys()
        if len(before.rows.get(key, ())) != len(after.rows.get(key, ()))
    ]
    refuse(found, "at the newest revision there would be a difference")


def _go(database: Database, script: ScriptDirectory, destination: str, *, upgrade: bool) -> None:
    try:
        runtime.run(database, script, destination, upgrade=upgrade)
    except MigrationError as error:
        way = "up" if upgrade else "down"
        said = error.message.partition(f" {database.after_failure}")[0]
        raise MigrationError(f"Nothing was changed: with the baseline, on the way {way}: {said}") from error


def _names(state: State) -> list[str]:
    rows = [f"rows in {key[1]}" for key in state.rows]
    return [*sorted(state.schema), *rows][:5]
