"""Adopt databases that have tables but no revision, after verifying that they match."""

from collections.abc import Iterable

from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from .. import output, runtime
from ..adopt import adopt_at_head, adopt_at_revision, check_database
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from ..runtime.checks import refuse_several_heads, refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import describe, stored_heads
from .adopt_models import write_models


def adopt(
    *, at: str | None = None, ignore: Iterable[str] = (), models: bool = False, yes: bool = False
) -> None:
    """Compare each database with the models, name its constraints as in the revisions, and stamp it.

    Example::

        api.adopt(ignore=["spatial_ref_sys"], yes=True)

    :param at: the revision of the database, if it is not at head.
    :param ignore: tables to keep that have no model.
    :param models: first generate the models and a baseline from the database.
    :param yes: name unnamed constraints without asking.
    :raises MigrationError: if a database does not match. It is left unchanged.
    """
    ignore = tuple(ignore)
    script = runtime.directory()
    _refuse_without_one_head(script)
    databases = [each for each in binds.databases() if not _has_nothing_to_adopt(each, script)]
    if not databases:
        return
    if models:
        write_models(databases, script, lambda: _adopt(databases, ignore, yes=yes, new=True))
    elif at:
        for database in databases:
            with one_sentence(database):
                adopt_at_revision(database, script, at, yes=yes)
    else:
        _adopt(databases, ignore, yes=yes)


def _adopt(databases: list[Database], ignore: tuple[str, ...], *, yes: bool, new: bool = False) -> None:
    """Check all databases before stamping the first."""
    script = runtime.directory()
    for step in (check_database, adopt_at_head) if len(databases) > 1 else (adopt_at_head,):
        for database in databases:
            if step is adopt_at_head and (told := binds.told(database)):
                output.line(told.rstrip())
            with one_sentence(database):
                step(database, script, ignore, yes=yes, new=new)


def _refuse_without_one_head(script: ScriptDirectory) -> None:
    refuse_several_heads(script, "adopt the database")
    if not script.get_heads():
        raise MigrationError(
            'There is no revision to adopt the database at: `flask db new -m "…"` makes one.'
        )


def _has_nothing_to_adopt(database: Database, script: ScriptDirectory) -> bool:
    heads = stored_heads(database)
    refuse_unknown(database, script, heads)
    if heads:
        output.line(f"{binds.told(database)}Nothing to adopt: {database} is at {describe(script, heads)}.")
        return True
    tables: list[str] = []
    if database.exists():
        with database.connect() as connection:
            tables = inspect(connection).get_table_names()
    if not set(tables) - database.internal_tables:
        output.line(
            f"{binds.told(database)}Nothing to adopt: {database} has no tables; "
            "`flask db upgrade` makes them."
        )
        return True
    return False
