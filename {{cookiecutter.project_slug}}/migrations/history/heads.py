"""Where a database stands: the revisions stored in it, and how they are told."""

from collections.abc import Iterable
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from flask import current_app

from ..engines.base import Database
from . import copies


def alembic_config(*flags: str, x: Iterable[str] = ()) -> Config:
    """Return Flask-Migrate's configuration, with `flags` and `-x` arguments as a command line sets them."""
    config: Config = current_app.extensions["migrate"].migrate.get_config(x_arg=list(x), opts=flags)
    return config


def stored_heads(database: Database) -> set[str]:
    """Ask env.py, as `flask db current` does: it alone knows the name of the version table."""
    found: set[str] = set()

    def read(heads: Any, _migration: Any) -> list[Any]:
        found.update(heads)
        return []

    config = alembic_config()
    # Whatever versions/ looks like at present, and of this database only.
    config.attributes |= {"quiet": True, "database": database}
    script = ScriptDirectory.from_config(config)
    if database.exists():
        with EnvironmentContext(config, script, fn=read, dont_mutate=True):
            script.run_env()
    return found


def describe(script: ScriptDirectory, revisions: Iterable[str]) -> str:
    """Return ids with their messages, or "empty" where there are none."""
    known: Any = script.revision_map._revision_map
    told = [f"{name} ({known[name].doc})" if known.get(name) else name for name in sorted(revisions)]
    return ", ".join(told) or "empty"


def unknown_revision(revision: str, database: Database | None) -> str:
    """Say what to do about a revision without a file, which `database` is at or somebody has typed."""
    if database:
        return (
            f"{database} is at revision {revision}, which no file in migrations/versions has: it was made on "
            f"another branch or by newer code. {_ways_out(revision)}"
        )
    return f"There is no revision {revision}: `flask db history` lists those there are."


def _ways_out(revision: str) -> str:
    if copies.find(revision):
        return (
            "`flask db upgrade --undo-foreign` takes it back with the copy in instance/applied "
            "(`make migrate` asks first), or `make db` starts the development database anew."
        )
    return (
        "Go back to that branch and `make rollback` there, "
        "or start the development database anew with `make db`."
    )
