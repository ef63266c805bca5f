"""The heads of a database, how they are reported, and what to do about one that has no file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory

from .. import _compat, settings
from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError
from .applied import find_copy, was_migrated


def alembic_config(*flags: str, x: Iterable[str] = ()) -> Config:
    """Return Flask-Migrate's configuration, with `flags` and `-x` arguments as on a command line."""
    migrate = settings.active().migrate
    config: Config = migrate.get_config(settings.active().directory, x_arg=list(x), opts=flags)
    return config


def environment_options() -> dict[str, Any]:
    """Return the options that env.py and Migrate(…) pass to context.configure(). No revision runs.

    Only running env.py shows them. It is run only if its text mentions the version table.
    """
    file = settings.active().directory / "env.py"
    if not file.is_file() or "version_table" not in file.read_text(encoding="utf-8"):
        return {}
    config = alembic_config()
    options = RunContext.of(config).collected_options = {}
    script = ScriptDirectory.from_config(config)
    with EnvironmentContext(config, script, dont_mutate=True):
        script.run_env()
    return options


def read_heads(database: Database) -> set[str]:
    """Return the heads stored in an existing database, not read through the migration's own connection."""
    with database.connect_again() as connection:
        migration = MigrationContext.configure(connection, opts=database.version_options)
        return set(migration.get_current_heads())


def stored_heads(database: Database) -> set[str]:
    """Return the stored heads, using env.py as `flask db current` does.

    Only env.py knows the name of the version table.
    """
    found: set[str] = set()

    def read(heads: Any, _migration: Any) -> list[Any]:
        found.update(heads)
        return []

    config = alembic_config()
    # Read this database only, whatever versions/ contains.
    run = RunContext.of(config)
    run.only, run.quiet = database, True
    script = ScriptDirectory.from_config(config)
    if database.exists():
        with EnvironmentContext(config, script, fn=read, dont_mutate=True):
            script.run_env()
    return found


def describe(script: ScriptDirectory, revisions: Iterable[str]) -> str:
    """Return the ids with their messages, or "empty" if there are none."""
    known: Any = _compat.known_revisions(script)
    names = [f"{name} ({known[name].doc})" if known.get(name) else name for name in sorted(revisions)]
    return ", ".join(names) or "empty"


def unknown_revision(revision: str, database: Database | None, script: ScriptDirectory) -> str:
    """Explain what to do about a revision without a file.

    Either `database` is at this revision, or the user has typed it.
    """
    state = f"{database} is at revision {revision}"
    baseline = folded_into(revision, script)
    if baseline and not database:
        name = Path(baseline.path).name
        return f"Revision {revision} was folded into {name}: name {baseline.revision} or a later one."
    if baseline:
        release = _release_before(baseline, revision) or "the last release that still has its file"
        return (
            f"{state}, which was folded into {Path(baseline.path).name}, and nothing was changed: go through "
            f"{release} first, whose `flask db upgrade` brings it to {baseline.revision} or later, then come "
            "back; a development database can be built again from scratch with `flask db rebuild`."
        )
    if database and not find_copy(revision) and not was_migrated(database):
        table = database.version_table
        return (
            f"{state}, which no revision file has, and nothing was changed: its table {table} is of another "
            "application or tool, or of another branch. If it is still used, give this application its own "
            'table, version_table="…" in Environment(…) of env.py, and run '
            f"`flask db adopt --ignore {table}`. If not, drop it and run `flask db adopt`. Rows are kept."
        )
    if database:
        return (
            f"{state}, which no revision file has: it was made on "
            f"another branch or by newer code. {_suggest_way_back(revision)}"
        )
    return f"There is no revision {revision}: `flask db history` lists those there are."


def _suggest_way_back(revision: str) -> str:
    if not settings.active().debug:
        return "Deploy the code that has it again, or run `flask db downgrade` with that code first."
    if find_copy(revision):
        return (
            "`flask db upgrade --undo-foreign` takes it back with the copy in instance/applied (`flask db "
            "upgrade` asks first), or `flask db rebuild` builds the development database again from scratch."
        )
    return (
        "Go back to that branch and `flask db downgrade` there, "
        "or build the development database again from scratch with `flask db rebuild`."
    )


def folded_into(revision: str, script: ScriptDirectory) -> Script | None:
    """Return the baseline that contains this revision. Like Alembic, it accepts a prefix of the id."""
    for base in script.get_bases():
        baseline = script.get_revision(base)
        if any(known.startswith(revision) for known in getattr(baseline.module, "replaces", ())):
            return baseline
    return None


def unchecked(script: ScriptDirectory) -> set[str]:
    """Return the revisions up to MIGRATION_CHECK_AFTER, which `flask db verify` does not check.

    Raises MigrationError for an unknown revision.
    """
    name = settings.active().check_after
    if not name:
        return set()
    if baseline := folded_into(name, script):
        name = baseline.revision
    if name not in _compat.known_revisions(script):
        raise MigrationError(
            f"MIGRATION_CHECK_AFTER is {name}, and there is no such revision: `flask db history` lists them."
        )
    return {revision.revision for revision in script.iterate_revisions(name, "base")}


def _release_before(baseline: Script, revision: str) -> str:
    """Return the last release before this revision was squashed, or an empty string."""
    known = [*baseline.module.replaces]
    position = next(number for number, each in enumerate(known) if each.startswith(revision))
    for earlier, release in getattr(baseline.module, "earlier_releases", {}).items():
        if earlier in known and position < known.index(earlier):
            return str(release)
    return str(baseline.module.release)
