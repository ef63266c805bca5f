"""Compares a database with what the revisions make, gives it their names, and stamps it."""

from alembic import command
from alembic.script import ScriptDirectory

from .. import adopt, output, runtime
from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError, UsageError
from ..runtime import snapshots
from ..runtime.differences import every, from_models
from ..runtime.heads import alembic_config, describe, stored_heads
from .matching_revision import differing, matching
from .models import NotMatchingError
from .unsupported_objects import beyond_models

SHOWN = 40  # lines


def look_at(
    database: Database, script: ScriptDirectory, ignore: tuple[str, ...], *, yes: bool, new: bool
) -> None:
    """Raise MigrationError where `adopt_at_head` would, because of something else than names."""
    with runtime.shadow(database, script) as shadow:
        _compare(database, script, shadow, ignore, new=new)


def _compare(
    database: Database, script: ScriptDirectory, shadow: Database, ignore: tuple[str, ...], *, new: bool
) -> adopt.Comparison:
    if behind := from_models(shadow, script, every):
        raise MigrationError(
            f'The revisions lag behind the models ({behind[0]}), so first: `flask db new -m "…"`.'
        )
    found = adopt.compare(database, script, shadow, ignore)
    if found.differences or found.more_tables:
        _refuse(database, script, found, new=new)
    return found


def adopt_at_head(
    database: Database, script: ScriptDirectory, ignore: tuple[str, ...], *, yes: bool, new: bool
) -> None:
    """`new`: the models have just been made of it."""
    with runtime.shadow(database, script) as shadow:
        found = _compare(database, script, shadow, ignore, new=new)
        if found.names:
            if not _give_names(database, shadow, found, yes=yes, new=new):
                return
            again = adopt.compare(database, script, shadow, ignore)
            if again.differences or again.names:
                said = [*again.differences, *map(str, again.names)]
                raise MigrationError(f"With its new names {database} still differs: {'; '.join(said[:5])}.")
        _tell_beyond(database, shadow, ignore)
    _stamp(database, script, str(script.get_current_head()))


def _refuse(database: Database, script: ScriptDirectory, found: adopt.Comparison, *, new: bool) -> None:
    if found.differences:
        output.line(f"{database} differs from the models. A revision that made it like them:")
        _tell(found.differences)
    if found.more_tables:
        output.line("Tables that no model has:")
        _tell(found.more_tables)
    if new:
        raise NotMatchingError("Models that say all of it could not be written: not adopted.")
    older = matching(database, script)
    if older:
        way = (
            f"It has what revision {describe(script, {older})} makes: "
            f"`flask db adopt --at {older}`, then `flask db upgrade`."
        )
    elif found.differences:
        way = "Change the models until they match (then `flask db new`), or the database; then again."
    else:
        ignored = " ".join(f"--ignore {name}" for name in found.more_tables)
        way = f"Give them models, or say that they are somebody else's: `flask db adopt {ignored}`."
    raise MigrationError(f"Not adopted, and nothing was changed. {way}")


def adopt_at(database: Database, script: ScriptDirectory, at: str, *, yes: bool) -> None:
    revision = script.get_revision(at)
    if revision is None:
        raise UsageError(f"--at takes a revision, not {at}: `flask db history` lists them.")
    with database.shadow() as shadow:
        runtime.build(shadow, script, revision.revision)
        if found := differing(database, shadow):
            output.line(f"{database} is not what revision {describe(script, {revision.revision})} makes:")
            _tell(found)
            raise MigrationError("Not adopted, and nothing was changed.")
        with database.connect() as connection, shadow.connect() as like:
            names = adopt.constraint_renames(database.constraints(connection), shadow.constraints(like))
        if names:
            _give_names(database, shadow, adopt.Comparison(names=names), yes=yes)
        _tell_beyond(database, shadow)
    _stamp(database, script, revision.revision)


def _give_names(
    database: Database, like: Database, found: adopt.Comparison, *, yes: bool, new: bool = False
) -> bool:
    """Return whether that was agreed to; `new`: models and baseline were written, and stay."""
    output.line("All matches but these names, which no later revision could rely on:")
    _tell(list(map(str, found.names)))
    if not yes and not output.reporter().confirm(f"Give them these names in {database}? No row changes."):
        if new:
            output.line("Models and baseline are written; the database is as it was: `flask db adopt --yes`.")
            return False
        raise MigrationError(
            "Not adopted, and nothing was changed. `flask db adopt --yes` gives them these names, once."
        )
    if database.cheap_snapshots:
        snapshots.take_and_report(database)
    adopt.give_names(database, like, found.names)
    output.line(f"Named {len(found.names)}.")
    return True


def _tell_beyond(database: Database, shadow: Database, ignore: tuple[str, ...] = ()) -> None:
    if found := beyond_models(database, shadow, ignore):
        output.line(
            "It stays as it is in what models do not say; a database built from the revisions is otherwise:"
        )
        _tell(found)


def _stamp(database: Database, script: ScriptDirectory, revision: str) -> None:
    config = alembic_config()
    RunContext.of(config).only = database  # of several only this one
    command.stamp(config, revision)
    if stored_heads(database) != {revision}:
        raise MigrationError(f"{database} does not say that it is at {revision}: try again.")
    output.line(f"Adopted: {database} is at {describe(script, {revision})}.")


def _tell(lines: list[str]) -> None:
    for line in lines[:SHOWN]:
        output.line(f"  {line}")
    if len(lines) > SHOWN:
        output.line(f"  … and {len(lines) - SHOWN} more")
