"""Adopt databases that have tables but no revision, after verifying that they match.

If there are no models either, they and a baseline are first generated from the database.
"""

import importlib
from collections.abc import Callable, Iterable
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from .. import output, runtime, safety, settings
from ..adopt import adopt_at_head, adopt_at_revision, check_database, match_names, refuse_differences
from ..adopt import models as model_files
from ..adopt.models import NotMatchingError
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..runtime import binds
from ..runtime.checks import refuse_several_heads, refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.heads import describe, stored_heads
from .revision import new_revision


def adopt(
    *, at: str | None = None, ignore: Iterable[str] = (), models: bool = False, yes: bool = False
) -> None:
    """Compare each database with the models, name its constraints as in the revisions, and stamp it.

    A database that has a revision already only gets the names.

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
    databases = [each for each in binds.databases() if not _has_nothing_to_adopt(each, script, yes=yes)]
    if not databases:
        return
    if models:
        _write_models(databases, script, lambda: _adopt(databases, ignore, yes=yes, new=True))
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
            if step is adopt_at_head and (label := binds.prefix(database)):
                output.line(label.rstrip())
            with one_sentence(database):
                step(database, script, ignore, yes=yes, new=new)


def _refuse_without_one_head(script: ScriptDirectory) -> None:
    refuse_several_heads(script, "adopt the database")
    if not script.get_heads():
        raise MigrationError(
            'There is no revision to adopt the database at: `flask db new -m "…"` makes one.'
        )


def _has_nothing_to_adopt(database: Database, script: ScriptDirectory, *, yes: bool) -> bool:
    heads = stored_heads(database)
    refuse_unknown(database, script, heads)
    if heads:
        with one_sentence(database):
            if heads == set(script.get_heads()):
                refuse_differences(database, script)
            renamed = match_names(database, script, heads, yes=yes)
        nothing = "" if renamed else "Nothing to adopt: "
        output.line(f"{binds.prefix(database)}{nothing}{database} is at {describe(script, heads)}.")
        if not settings.active().check_after:
            head = script.get_current_head()
            output.line(
                f'If its revisions are older than this library, set MIGRATION_CHECK_AFTER = "{head}": then '
                "`flask db verify` judges only those that follow."
            )
        return True
    tables: list[str] = []
    if database.exists():
        with database.connect() as connection:
            tables = inspect(connection).get_table_names()
    if not set(tables) - database.internal_tables:
        output.line(
            f"{binds.prefix(database)}Nothing to adopt: {database} has no tables; "
            "`flask db upgrade` makes them."
        )
        return True
    return False


def _write_models(databases: list[Database], script: ScriptDirectory, adopt: Callable[[], None]) -> None:
    """Write models and a baseline, then call `adopt`. If they do not match, remove them again."""
    _refuse_own_models(databases, script)
    before = _list_revision_files()
    found = model_files.generate_modules(databases, with_relationships=True)
    if taken := [module.path.name for module in found if module.path.exists()]:
        raise MigrationError(f"models/{taken[0]} is there already: move it away, then again.")
    try:
        model_files.write_modules(found)
        if model_files.find_error():
            model_files.write_modules(model_files.generate_modules(databases, with_relationships=False))
            if reason := model_files.find_error():
                raise NotMatchingError(f"The models that were written do not work: {reason}.")
            output.line("Without relationships: those that the foreign keys suggest do not fit together.")
        _write_baseline()
        for module in found:
            output.line(f"Wrote {settings.active().relative(module.path)} ({module.tables} tables)")
        for path in sorted(_list_revision_files() - before):
            output.line(
                f"Wrote {settings.active().relative(path)}, which makes them: proved up, down and up again"
            )
        adopt()
    except NotMatchingError as error:
        aside = _move_aside(found, before)
        raise MigrationError(f"{error.message} What was written lies in {aside}, to look at.") from error
    except BaseException:
        if not any(map(stored_heads, databases)):  # a database that is already adopted needs its revision
            _move_aside(found, before)
        raise


def _refuse_own_models(databases: list[Database], script: ScriptDirectory) -> None:
    db = settings.active().db
    tables = sorted(name for metadata in db.metadatas.values() for name in metadata.tables)
    if tables:
        raise MigrationError(
            f"This project has models already ({', '.join(tables[:5])}): generate one with "
            "example_models=no for an existing database, or compare with these by `flask db adopt`."
        )
    for database in databases:
        with runtime.shadow(database, script) as shadow:
            if left := safety.find_model_differences(shadow, script):
                raise MigrationError(
                    f"The revisions of this project create what no model has (a new one {left[0]}): take "
                    "them out of migrations/versions first, down to an empty baseline."
                )


def _write_baseline() -> None:
    importlib.import_module(f"{settings.active().import_name}.models").load()
    try:
        with output.report_to(output.Reporter()):  # suppress hundreds of lines that repeat the models
            new_revision("adopted tables")
    except MigrationError as error:
        raise NotMatchingError(error.message) from error


def _move_aside(found: list[model_files.Module], before: set[Path]) -> Path:
    """Move the written files aside. Nothing in the project refers to them any more."""
    aside = settings.active().instance_folder / "not_adopted"
    aside.mkdir(parents=True, exist_ok=True)
    for path in [module.path for module in found] + sorted(_list_revision_files() - before):
        if path.exists():
            path.replace(aside / f"{path.name}.txt")  # the suffix keeps linters and Python from reading it
    manifest.write(runtime.directory())
    return settings.active().relative(aside)


def _list_revision_files() -> set[Path]:
    return set(files.paths(runtime.directory()))
