"""Composes a baseline and runs it, until it leaves what the folded revisions leave."""

import traceback
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext

from .. import runtime
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from .operations import operations
from .outcome import Outcome
from .rendering import Rendered, portable_context, render_file, render_functions
from .sources import Source
from .staged_versions import StagedVersions
from .state import Key, by_object, look, title

# Failures before all tables that are left are taken from the database, not from the models.
PATIENCE = 10


@dataclass
class Composing:
    """`database` is empty. What the folded revisions have left in it is in `folded`."""

    database: Database
    folded: Outcome
    stage: StagedVersions
    # For rendering.facts().
    head: dict[str, str]
    # Dialects to which SQL is kept, if any.
    dialects: tuple[str, ...]
    failures: int = 0

    def run(self) -> Rendered:
        """Return the functions for this database; raises MigrationError."""
        while True:
            functions = self._render()
            # Alembic wants an upgrade() in every file.
            default = [] if self.database.bind is None else [render_functions("", [], [], None)]
            rendered = render_file(self.head, [*default, functions])
            script = self.stage.write(rendered.text)
            try:
                runtime.run(self.database, script, self.folded.revision, upgrade=True)
            except MigrationError as error:
                self._failed(error, rendered)
            else:
                if not self._differs():
                    return functions
            self.database.reset()

    def _render(self) -> Rendered:
        found: list[Rendered] = []

        def render(_heads: Any, migration: MigrationContext) -> list[Any]:
            metadata = self.folded.sources.metadata()
            steps = operations(migration, self.folded, metadata, self.dialects)
            context = portable_context(migration, metadata)
            found.append(render_functions(binds.suffix(self.database.bind), *steps, context))
            return []

        runtime.look(self.database, self.stage.script, render)
        return found[0]

    def _failed(self, error: MigrationError, rendered: Rendered) -> None:
        """Take another source for the table at whose line it stopped, or for its rows."""
        frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
        lines = [frame.lineno or 0 for frame in frames if frame.filename == str(self.stage.baseline)]
        step = rendered.steps.get(lines[-1]) if lines else None
        sources = self.folded.sources
        if step is None or step.key is None:
            is_last = True
        elif step.fills:
            is_last = not self._other_rows(step.key)
        else:
            is_last = bool(sources.demote([step.key]))
        if is_last:
            said = error.message.partition(f" {self.database.after_failure}")[0]
            raise MigrationError(
                f"No baseline could be made, and nothing was changed. {said} "
                "Fold up to a revision before that came in, with --upto."
            ) from error
        self.failures += 1
        if self.failures > PATIENCE:
            sources.demote([each for each, source in sources.chosen.items() if source is Source.MODEL])

    def _differs(self) -> bool:
        """Whether something is not the same, and has been given another source."""
        before, now = self.folded.state, look(self.database)
        told = by_object(before, now)
        tables = {title(key): key for key in self.folded.sources.tables}
        sources = self.folded.sources
        keys = [tables[name] for name in told if name in tables]
        last = sources.demote([key for key in keys if not sources.complete(key, told[title(key)])])
        found = [told[title(key)] for key in last]
        found += [said for name, said in told.items() if name not in tables]
        for key in before.rows.keys() | now.rows.keys():
            if title(key) not in told and before.rows.get(key) != now.rows.get(key):
                if not self._other_rows(key):
                    found.append([f"the rows of {title(key)} are not the same"])
                told[title(key)] = []
        behind = {name: sql for name, sql in before.counters.items() if now.counters.get(name) != sql}
        if not told and (behind or now.counters.keys() - before.counters.keys()):
            if not behind.keys() - self.folded.counters.keys():
                found.append(["the keys that are counted up are not where they were"])
            self.folded.counters.update(behind)
            told["counters"] = []
        refuse(found, "the baseline would not leave the same schema")
        return bool(told)

    def _other_rows(self, key: Key) -> bool:
        """Take the next way to insert the rows of this table; False where there is none."""
        ways = self.folded.rows.get(key, [])
        if len(ways) > 1:
            del ways[0]
            return True
        return False


def refuse(found: list[list[str]], what: str) -> None:
    lines = [line for lines in found for line in lines]
    if lines:
        more = f" (and {len(lines) - 5} more)" if len(lines) > 5 else ""
        raise MigrationError(f"Nothing was changed: {what}: {'; '.join(lines[:5])}{more}.")
