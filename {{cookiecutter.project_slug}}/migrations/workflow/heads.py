"""Where a database stands: the revisions stored in it, and how they are told."""

from collections.abc import Iterable
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from ..engines.base import Database


def stored_heads(database: Database, config: Config) -> set[str]:
    """Ask env.py, as `flask db current` does: it alone knows the name of the version table."""
    found: set[str] = set()

    def read(heads: Any, _migration: Any) -> list[Any]:
        found.update(heads)
        return []

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
