"""Composes a baseline and runs it, with other sources, until its result is that of the folded revisions."""

import traceback
from dataclasses import dataclass
from typing import Any

from alembic.runtime.migration import MigrationContext

from .. import runtime
from ..backends.base import Database
from ..errors import MigrationError
from ..runtime import binds
from .archive import StagedVersions
from .operations import compose_operations
from .proof import Outcome
from .rendering import RenderedCode, portable_context, render_file, render_functions
from .sources import Source
from .state import TableKey, describe_differences, raise_differences, read_current_state, table_title

# After so many failures, no table is taken from the models any more.
MAX_MODEL_FAILURES = 10


@dataclass
class Composer:
    """Composes the functions for one database.

    `outcome` is the result of the folded revisions; `database` is an empty shadow database.
    """

    database: Database
    outcome: Outcome
    staged: StagedVersions
    # From rendering.compose_header().
    header: dict[str, str]
    # If there are any, SQL statements are only executed on these.
    dialects: tuple[str, ...]
    failures: int = 0

    def compose(self) -> RenderedCode:
        """Return upgrade…() and downgrade…(); raises MigrationError if no source gives the same result."""
        while True:
            functions = self._render()
            # Alembic requires an upgrade() in every file.
            default = [] if self.database.bind is None else [render_functions("", [], [], None)]
            rendered = render_file(self.header, [*default, functions])
            script = self.staged.write(rendered.text)
            try:
                runtime.run(self.database, script, self.outcome.revision, upgrade=True)
            except MigrationError as error:
                self._replace_failed_source(error, rendered)
            else:
                if not self._replace_differing_sources():
                    return functions
            self.database.reset()

    def _render(self) -> RenderedCode:
        rendered: list[RenderedCode] = []

        def render(_heads: Any, migration: MigrationContext) -> list[Any]:
            metadata = self.outcome.sources.metadata()
            steps = compose_operations(migration, self.outcome, metadata, self.dialects)
            context = portable_context(migration, metadata)
            rendered.append(render_functions(binds.suffix(self.database.bind), *steps, context))
            return []

        runtime.look(self.database, self.staged.script, render)
        return rendered[0]

    def _replace_failed_source(self, error: MigrationError, rendered: RenderedCode) -> None:
        """Choose the next source of the table, or of its rows, at whose line the upgrade stopped."""
        frames = traceback.extract_tb((error.__cause__ or error).__traceback__)
        lines = [frame.lineno or 0 for frame in frames if frame.filename == str(self.staged.baseline)]
        step = rendered.steps.get(lines[-1]) if lines else None
        sources = self.outcome.sources
        if step is None or step.key is None:
            is_exhausted = True
        elif step.inserts_rows:
            is_exhausted = not self._next_insertion(step.key)
        else:
            is_exhausted = bool(sources.demote([step.key]))
        if is_exhausted:
            reason = error.message.partition(f" {self.database.after_failure}")[0]
            raise MigrationError(
                f"The baseline does not work, and nothing was changed. {reason} "
                "Use --upto to fold only the revisions before the one that added this."
            ) from error
        self.failures += 1
        if self.failures > MAX_MODEL_FAILURES:
            sources.demote([key for key, source in sources.chosen.items() if source is Source.MODEL])

    def _replace_differing_sources(self) -> bool:
        """Compare the result; choose the next source for what differs and return whether anything does.

        Raises MigrationError if something differs that has no other source.
        """
        before, now = self.outcome.state, read_current_state(self.database)
        sources = self.outcome.sources
        differences = describe_differences(before, now)
        keys = {table_title(key): key for key in sources.tables}
        changed = [(keys[title], lines) for title, lines in differences.items() if title in keys]
        exhausted = sources.demote(
            [key for key, lines in changed if not sources.use_native_parts(key, lines)]
        )
        unresolved = [differences[table_title(key)] for key in exhausted]
        unresolved += [lines for title, lines in differences.items() if title not in keys]
        is_different = bool(differences)
        for key in before.rows.keys() | now.rows.keys():
            if table_title(key) not in differences and before.rows.get(key) != now.rows.get(key):
                is_different = True
                if not self._next_insertion(key):
                    unresolved.append([f"the rows of {table_title(key)} are not the same"])
        behind = {name: sql for name, sql in before.counters.items() if now.counters.get(name) != sql}
        if not is_different and (behind or now.counters.keys() - before.counters.keys()):
            is_different = True
            if not behind.keys() - self.outcome.counters.keys():
                unresolved.append(["the counters of generated keys are not the same"])
            self.outcome.counters.update(behind)
        raise_differences(unresolved, "the baseline would not create the same schema")
        return is_different

    def _next_insertion(self, key: TableKey) -> bool:
        """Choose the next operation that inserts the rows of this table; return False if there is none."""
        alternatives = self.outcome.rows.get(key, [])
        if len(alternatives) > 1:
            del alternatives[0]
            return True
        return False
