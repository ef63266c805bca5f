"""`flask db adopt --models`: create models and a baseline from an existing database, then adopt it."""

import importlib
from collections.abc import Callable
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import output, runtime, settings
from ..adopt import models
from ..adopt.models import NotMatchingError
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..runtime.differences import every, from_models
from ..runtime.heads import stored_heads
from .revision import new_revision


def _versions() -> set[Path]:
    return set(files.paths(runtime.directory()))


def write_models(databases: list[Database], script: ScriptDirectory, adopt: Callable[[], None]) -> None:
    """Write models and a baseline, then call `adopt`. If they do not match, remove them again."""
    _refuse_own_models(databases, script)
    before = _versions()
    found = models.generate_modules(databases, with_relationships=True)
    if taken := [module.path.name for module in found if module.path.exists()]:
        raise MigrationError(f"models/{taken[0]} is there already: move it away, then again.")
    try:
        models.write_modules(found)
        if models.find_error():
            models.write_modules(models.generate_modules(databases, with_relationships=False))
            if reason := models.find_error():
                raise NotMatchingError(f"The models that were written do not work: {reason}.")
            output.line("Without relationships: those that the foreign keys suggest do not fit together.")
        _baseline()
        for module in found:
            output.line(f"Wrote {settings.active().relative(module.path)} ({module.tables} tables)")
        for path in sorted(_versions() - before):
            output.line(
                f"Wrote {settings.active().relative(path)}, which makes them: proved up, down and up again"
            )
        adopt()
    except NotMatchingError as error:
        aside = _take_back(found, before)
        raise MigrationError(f"{error.message} What was written lies in {aside}, to look at.") from error
    except BaseException:
        if not any(map(stored_heads, databases)):  # a database that is already adopted needs its revision
            _take_back(found, before)
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
            if left := from_models(shadow, script, every):
                raise MigrationError(
                    f"The revisions of this project make tables that no model has ({left[0]}): take them out "
                    "of migrations/versions first, down to an empty baseline."
                )


def _baseline() -> None:
    importlib.import_module(f"{settings.active().import_name}.models").load()
    try:
        with output.report_to(output.Reporter()):  # suppress hundreds of lines that repeat the models
            new_revision("adopted tables")
    except MigrationError as error:
        raise NotMatchingError(error.message) from error


def _take_back(found: list[models.Module], before: set[Path]) -> Path:
    """Move the written files aside. Nothing in the project refers to them any more."""
    aside = settings.active().instance_folder / "not_adopted"
    aside.mkdir(parents=True, exist_ok=True)
    for path in [module.path for module in found] + sorted(_versions() - before):
        if path.exists():
            path.replace(aside / f"{path.name}.txt")  # the suffix keeps linters and Python from reading it
    manifest.write(runtime.directory())
    return settings.active().relative(aside)
