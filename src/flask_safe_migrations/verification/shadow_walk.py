"""A shadow database that is upgraded through the history, revision by revision."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from sqlalchemy import Connection

from .. import _compat, runtime, safety
from ..backends.base import Database
from .round_trip import RoundTrip


class ShadowWalk:
    """Creates the shadow database when it is first needed, and again where a revision has another parent.

    :param stack: drops the shadow database when it is closed.
    """

    def __init__(self, database: Database, script: ScriptDirectory, stack: ExitStack) -> None:
        self.database, self.script, self.stack = database, script, stack
        self.shadow: Database | None = None
        self.current: set[str] = set()
        self.recorded: list[safety.RecordedOperation] = []

    def verify(self, revision: Script) -> None:
        """Run the round trip of a revision; of a merge, only the upgrade.

        What the upgrade did is in `recorded`, also after an error.

        :raises MigrationError: where the revision does not do what it should.
        """
        recorded = self.recorded = []
        parents = set(_compat.parents(revision))
        shadow = self._shadow_at(parents)
        recorder = _make_recorder(revision, recorded)
        if len(parents) > 1:
            runtime.run(shadow, self.script, revision.revision, upgrade=True, recorder=recorder)
        else:
            RoundTrip(shadow, self.script, revision).run(recorder=recorder)
        self.current = {revision.revision}

    def record(self, revision: Script) -> list[safety.RecordedOperation]:
        """Run the upgrade once, without a round trip; return what it did."""
        recorded: list[safety.RecordedOperation] = []
        shadow = self._shadow_at(set(_compat.parents(revision)))
        recorder = _make_recorder(revision, recorded)
        runtime.run(shadow, self.script, revision.revision, upgrade=True, recorder=recorder)
        self.current = {revision.revision}
        return recorded

    def upgrade_to_heads(self) -> Database:
        if self.shadow is None:
            return self._build(set(self.script.get_heads()))
        runtime.run(self.shadow, self.script, "heads", upgrade=True)
        return self.shadow

    def _shadow_at(self, revisions: set[str]) -> Database:
        if self.shadow is None or self.current != revisions:
            return self._build(revisions)
        return self.shadow

    def _build(self, revisions: set[str]) -> Database:
        self.stack.close()
        self.shadow = shadow = self.stack.enter_context(self.database.shadow())
        for number, revision in enumerate(sorted(revisions)):
            if number:
                runtime.run(shadow, self.script, revision, upgrade=True)
            else:
                runtime.build(shadow, self.script, revision)
        self.current = revisions
        return shadow


def _make_recorder(revision: Script, recorded: list[safety.RecordedOperation]) -> runtime.Recorder:
    @contextmanager
    def record(connection: Connection) -> Iterator[None]:
        with safety.record_operations(Path(revision.path), connection) as operations:
            try:
                yield
            finally:
                recorded.extend(operations)

    return record
