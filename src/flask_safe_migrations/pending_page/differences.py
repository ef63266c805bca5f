"""Compare the models with the revisions: once after the models have changed, and not at every request.

The comparison needs a shadow database and Alembic. Its result is kept in the instance folder, for as long as
neither the models nor the revisions change, also when the server restarts.
"""

from pathlib import Path
from typing import Any

from .. import memory
from ..model_digest import digest_models
from ..readiness import compute_signature
from ..settings import Settings

FILE = "models_compared.json"


class Comparison:
    """What the last comparison has found, and whether the developer wants to see the application anyway."""

    def __init__(self, settings: Settings, dialects: list[Any], folders: tuple[Path, ...]) -> None:
        self.settings = settings
        metadata = [*settings.db.metadatas.values(), *settings.more_metadata]
        names = [str(folder) for folder in folders]
        # The models of a process do not change: the server restarts when a module has changed.
        self.key = [
            *(digest_models(metadata, dialect) for dialect in dialects),
            compute_signature(settings, names),
        ]
        stored = memory.load(settings, FILE)
        is_current = stored.get("key") == self.key
        self.differences: tuple[str, ...] | None = tuple(stored["differences"]) if is_current else None
        self.is_dismissed = bool(is_current and stored["dismissed"])

    def store(self, differences: tuple[str, ...]) -> None:
        self.differences = differences
        self._write()

    def dismiss(self) -> None:
        """Do not show these differences again."""
        self.is_dismissed = True
        self._write()

    def _write(self) -> None:
        content = {"key": self.key, "differences": self.differences, "dismissed": self.is_dismissed}
        memory.store(self.settings, FILE, content)


def compare() -> tuple[str, ...]:
    """Return how the models differ from the revisions, in words: what the next revision would do."""
    from .. import runtime, safety
    from ..runtime import binds
    from ..runtime.errors import one_sentence

    found: list[str] = []
    script = runtime.directory()
    for database in binds.databases():
        with one_sentence(database), runtime.shadow(database, script) as shadow:
            lines = safety.find_model_differences(shadow, script)
            found += [f"{binds.prefix(database)}{line}" for line in lines]
    return tuple(found)
