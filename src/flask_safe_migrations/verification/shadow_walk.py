"""A throwaway database that is taken along the history, revision by revision."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from .. import runtime, safety, verification
from ..backends.base import Database


class Walk:
    """Makes the database only where it is needed."""

    def __init__(self, database: Database, script: ScriptDirectory, stack: ExitStack) -> None:
        self.database, self.script, self.stack = database, script, stack
        self.shadow: Database | None = None
        self.at: set[str] = set()
        self.recorded: list[safety.RecordedOperation] = []

    def prove(self, revision: Script) -> None:
        """Raises MigrationError; what the upgrade did is in `recorded` either way, as far as it got."""
        recorded = self.recorded = []
        parents = set(revision._versioned_down_revisions)
        shadow = self._standing_at(parents)
        watch = _watching(revision, recorded)
        if len(parents) > 1:
            runtime.run(shadow, self.script, revision.revision, upgrade=True, recorder=watch)
        else:
            verification.Proof(shadow, self.script, revision).run(recorder=watch)
        self.at = {revision.revision}

    def record(self, revision: Script) -> list[safety.RecordedOperation]:
        """Run the upgrade once, without a proof; return what it did."""
        recorded: list[safety.RecordedOperation] = []
        shadow = self._standing_at(set(revision._versioned_down_revisions))
        runtime.run(
            shadow,
            self.script,
            revision.revision,
            upgrade=True,
            recorder=_watching(revision, recorded),
        )
        self.at = {revision.revision}
        return recorded

    def at_heads(self) -> Database:
        if self.shadow is None:
            return self._begin(set(self.script.get_heads()))
        runtime.run(self.shadow, self.script, "heads", upgrade=True)
        return self.shadow

    def _standing_at(self, revisions: set[str]) -> Database:
        if self.shadow is None or self.at != revisions:
            return self._begin(revisions)
        return self.shadow

    def _begin(self, revisions: set[str]) -> Database:
        self.stack.close()
        self.shadow = shadow = self.stack.enter_context(self.database.shadow())
        for number, revision in enumerate(sorted(revisions)):
            if number:
                runtime.run(shadow, self.script, revision, upgrade=True)
            else:
                runtime.build(shadow, self.script, revision)
        self.at = revisions
        return shadow


def _watching(revision: Script, recorded: list[safety.RecordedOperation]) -> runtime.Recorder:
    @contextmanager
    def watch(connection: Connection) -> Iterator[None]:
        with safety.record_operations(Path(revision.path), connection) as found:
            try:
                yield
            finally:
                recorded.extend(found)

    return watch
