"""The revisions in versions/: shadow databases built from them, and their differences from the models."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData

from .. import _compat, output, settings
from ..backends.base import Database
from ..context import Recorder, RunContext
from ..model_digest import digest_models
from ..revisions import files
from . import binds
from .errors import one_sentence
from .heads import alembic_config
from .progress import Progress


def directory() -> ScriptDirectory:
    """Return the script directory; raises MigrationError if two files have the same id."""
    script = ScriptDirectory.from_config(alembic_config())
    files.require_consistent(script)
    return script


def build(database: Database, script: ScriptDirectory, upto: str) -> None:
    """Upgrade a shadow database, empty or not yet created, to `upto` without output.

    Revisions up to a cached state are not run again.
    """
    revisions = [] if upto == "base" else [*script.iterate_revisions(upto, "base")]
    digests = fingerprints(database, script) if revisions else {}
    keys = [digests[revision.revision] for revision in revisions]
    loaded = database.load_stored(keys)
    if not keys:
        return
    targets = script.get_revisions(upto)
    if loaded != keys[0] or len(targets) > 1:
        _run(database, script, upto)
        if len(targets) == 1:
            database.store(keys[0])


def fingerprints(database: Database, script: ScriptDirectory) -> dict[str, str]:
    """Return a digest for each revision.

    It covers everything that affects a database built up to that revision.
    """
    with one_sentence(database):  # it is asked for its version
        ingredients = _list_ingredients(database)
    return files.compute_digests(script, *ingredients)


def _list_ingredients(database: Database) -> list[str]:
    """Return the inputs besides the revisions: the engine, its version, this library and its dependencies."""
    code = files.code_digest(Path(__file__).parent.parent)
    libraries = [version(name) for name in ("alembic", "sqlalchemy")]
    # It names the CHECK of a Boolean or an Enum when a revision runs.
    convention = str(binds.metadata(database.bind).naming_convention)
    former = str(settings.active().former_binds)
    return [
        database.title,
        database.engine_version(),
        binds.label(database),
        former,
        code,
        *libraries,
        convention,
        # Where tables are created, and what a revision reads from its session.
        *database.session_settings(),
    ]


def _run(database: Database, script: ScriptDirectory, upto: str) -> None:
    def revisions(heads: Any, _migration: MigrationContext) -> Any:
        return _compat.upgrade_steps(script, upto, heads)

    progress = Progress(database, script, quiet=True, checks_rows=False)
    database.create_version_schema()
    options = {
        **database.options,
        **database.version_options,
        "target_metadata": binds.metadata(database.bind),
        "script": script,
        "fn": progress.watch(revisions, lambda _migration: None),
    }
    with (
        output.quiet_alembic(),
        one_sentence(database, progress),
        database.connect() as connection,
        database.migration_session(connection),
    ):
        migration = MigrationContext.configure(connection, opts=options)
        with Operations.context(migration), migration.begin_transaction():
            database.begin_migration(migration)
            migration.run_migrations()


@contextmanager
def shadow(database: Database, script: ScriptDirectory, given: Database | None = None) -> Iterator[Database]:
    """Yield a shadow database at the newest revisions: `given`, if the caller has already built it."""
    if given:
        yield given
        return
    with shadow_at(database, script, "heads") as throwaway:
        yield throwaway


@contextmanager
def shadow_at(database: Database, script: ScriptDirectory, revision: str) -> Iterator[Database]:
    """Yield a shadow database at this revision, or at several, separated by commas; it is dropped then."""
    with database.shadow(create=False) as throwaway:
        build(throwaway, script, revision)
        yield throwaway


def run(
    database: Database,
    script: ScriptDirectory,
    destination: str,
    *,
    upgrade: bool,
    recorder: Recorder | None = None,
) -> None:
    """Migrate a shadow database to `destination` through env.py, like `flask db upgrade`, without output."""

    def steps(heads: Any, _migration: MigrationContext) -> Any:
        step = _compat.upgrade_steps if upgrade else _compat.downgrade_steps
        return step(script, destination, heads)

    _run_env(database, script, steps, recorder, destination_rev=destination)


def look(
    database: Database, script: ScriptDirectory, fn: Callable[[Any, MigrationContext], list[Any]]
) -> None:
    """Call `fn` with the heads and the context that env.py has configured; change nothing."""
    _run_env(database, script, fn, None, dont_mutate=True)


def _run_env(
    database: Database, script: ScriptDirectory, fn: Any, recorder: Recorder | None, **options: Any
) -> None:
    config = alembic_config()
    run = RunContext.of(config)
    run.only, run.quiet, run.recorder = database, True, recorder or nullcontext
    with output.quiet_alembic(), EnvironmentContext(config, script, fn=fn, **options):
        script.run_env()


def compute_models_digest(metadata: MetaData, database: Database) -> str:
    """Return a digest of the models: of the DDL that creates them on this engine."""
    return digest_models([metadata], database.url.get_dialect()())
