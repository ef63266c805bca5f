"""A revision is proved before it is handed over: up, down and up again, on a throwaway database with rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from alembic.script import Script, ScriptDirectory

from ..engines.base import Database
from ..engines.errors import MigrationError
from ..workflow import history
from ..workflow.differences import from_models
from ..workflow.history import Recorder
from .irreversible import irreversible
from .samples import fill
from .schema import differences, schema_of


class UnprovedError(MigrationError):
    """The revision does not do what it should; the message says what and where."""


def prove(
    shadow: Database,
    script: ScriptDirectory,
    revision: Script,
    *,
    recorder: Recorder | None = None,
    models: bool = True,
) -> list[str]:
    """Run `revision` up, down and up on `shadow`, which stands at its parent.

    One whose downgrade only raises an error goes up once. Returns the tables that had to stay without rows;
    raises UnprovedError. `recorder` is around the first way up, with the connection that it takes. Without
    `models` the newest is not compared with them.
    """
    parent = revision.down_revision
    name = Path(revision.path).name
    empty = _with(shadow, fill)
    before = _with(shadow, schema_of)
    _run(shadow, script, revision.revision, "up", recorder)
    after = _with(shadow, schema_of)
    if models and revision.is_head and after != before:  # else it is about rows, and the models come later
        _refuse(from_models(shadow, script), f"{name}: after it, the models still differ")
    if irreversible(Path(revision.path)):
        return empty
    empty = sorted({*empty, *_with(shadow, fill)})
    _run(shadow, script, str(parent or "base"), "down")
    _refuse(
        differences(before, _with(shadow, schema_of)),
        f"{name}: after its downgrade the schema is not what it was",
    )
    _run(shadow, script, revision.revision, "up again")
    _refuse(
        differences(after, _with(shadow, schema_of)), f"{name}: up, down and up again is not the same as up"
    )
    return empty


def _with(shadow: Database, look: Callable[..., Any]) -> Any:
    with shadow.connect() as connection, connection.begin():
        return look(connection, shadow.private_tables | {"alembic_version"})


def _run(
    shadow: Database, script: ScriptDirectory, destination: str, way: str, recorder: Recorder | None = None
) -> None:
    try:
        history.run(shadow, script, destination, upgrade=way != "down", recorder=recorder)
    except click.ClickException as error:
        # What the throwaway database looks like now is of no interest.
        said = error.message.partition(f" {shadow.after_failure}")[0]
        raise UnprovedError(f"On the way {way}: {said}") from error


def _refuse(found: list[str], what: str) -> None:
    if found:
        more = f" (and {len(found) - 5} more)" if len(found) > 5 else ""
        raise UnprovedError(f"{what}: {'; '.join(found[:5])}{more}.")
