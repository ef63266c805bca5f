"""Watches a run of revisions: reports each one with its duration, and knows which one failed."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationInfo, RevisionStep
from alembic.script import ScriptDirectory

from .. import output
from ..backends.base import Database
from ..errors import MigrationError
from ..readiness import read_applied
from . import applied, binds, data_loss, owner
from .checks import refuse_long_id
from .heads import describe, read_heads
from .preconditions import Preconditions
from .snapshots import may_destroy, take_and_report


class Progress:
    def __init__(
        self, database: Database, script: ScriptDirectory, *, quiet: bool, checks_rows: bool = True
    ) -> None:
        self.database = database
        self.script = script
        # For shadow databases and the connections of tests: no output, no journal, no snapshots.
        self.quiet = quiet
        # False for a database that is built from nothing.
        self.checks_rows = checks_rows
        self.before: set[str] = set()
        self.after: set[str] = set()
        self.current: RevisionStep | None = None
        self.applied = 0
        self.waited = False
        # Why nothing was applied although the database is not at a revision, if so.
        self.half_applied: str | None = None
        self.warned = False
        self.started = 0.0
        self.saved = False
        # What is not yet in the table of applied revisions.
        self.unrecorded: list[dict[str, Any]] = []
        # What `readiness.read_applied` returns at the end.
        self.recorded = ""

    def watch(
        self, revisions: Callable[..., Iterable[Any]], check: Callable[[MigrationContext], None]
    ) -> Callable[..., Iterator[Any]]:
        """Wrap the function from which Alembic gets the revisions to run; `check` may refuse them first."""

        @wraps(revisions)
        def watched(heads: tuple[str, ...], migration: MigrationContext) -> Iterator[Any]:
            if not self.applied:  # a retry calls this again for the remaining revisions
                self.before = set(heads)
            self.after = set(heads)
            self.unrecorded = []
            if migration.connection and not self.quiet:
                owner.refuse_other_application(migration.connection, self.database)
            steps = binds.select_functions(revisions, self.database.bind)(heads, migration)
            if migration.connection and not self.quiet:
                self.warned = applied.report_changed(
                    migration.connection, self.database, self.script, self.after
                )
            if not steps:
                if migration.connection and not self.quiet:
                    self.half_applied = self.database.explain_half_applied(migration.connection)
                    self.recorded = read_applied(migration.connection, self.database.applied_table)
                return
            if isinstance(steps[0], RevisionStep) and not self.database.is_half_applied():  # not for `stamp`
                check(migration)
            if self.before and not self.quiet and not self.saved:
                loses_rows = data_loss.is_loss_confirmed(self.database, migration, steps)
                if loses_rows or (self.database.cheap_snapshots and may_destroy(steps)):
                    take_and_report(self.database, self.before)
                self.saved = True
            if migration.connection and not self.quiet:
                applied.create_table(migration.connection, self.database)
            verify = self.database.integrity_check(migration.connection) if migration.connection else None
            done_before = self.applied
            for number, step in enumerate(steps, done_before):
                self.current = step if isinstance(step, RevisionStep) else None
                self.started = time.perf_counter()
                if self.current and step.is_upgrade:
                    refuse_long_id(migration, self.current.revision)
                if self.current:
                    self._report_start(self.current, number, done_before + len(steps))
                    if not self.quiet:
                        self.database.before_revision(self.current.revision, upgrade=step.is_upgrade)
                    # An empty database has no rows but those of the revisions themselves.
                    if migration.connection and self.checks_rows and self.before:
                        rows = Preconditions(self.database, self.current, migration, quiet=self.quiet)
                        step.migration_fn = rows.guard(step.migration_fn)
                yield step
            if migration.connection and self.unrecorded:
                applied.record(migration.connection, self.database, self.unrecorded)
            if migration.connection and not self.quiet:
                self.recorded = read_applied(migration.connection, self.database.applied_table)
            if verify:
                verify()  # still inside the transaction, if the engine uses one for the whole run
            self.current = None

        return watched

    def _report_start(self, step: RevisionStep, done: int, total: int) -> None:
        """Name the revision before it runs, so that a long one is known while it runs."""
        number = f"{done + 1}/{total} " if total > 1 else ""
        name = describe(self.script, {step.revision.revision})
        if not self.quiet:
            back = "" if step.is_upgrade else "back: "
            output.reporter().step(f"  {number}{back}{name}", done, total)
        elif number:
            output.progress(f"{name}, on a shadow database", done, total, "revisions")

    def on_version_apply(
        self, ctx: MigrationContext, step: MigrationInfo, heads: Collection[str], run_args: Mapping[str, Any]
    ) -> None:
        """Alembic calls this after each revision, inside its transaction."""
        self.applied += 1
        self.after = set(heads)
        seconds = time.perf_counter() - self.started
        if ctx.connection and not self.quiet:
            if self.current:
                self.unrecorded.append(applied.make_row(self.current, seconds))
                if not self.database.applies_all_at_once:
                    applied.record(ctx.connection, self.database, self.unrecorded)
                    self.unrecorded = []
            else:
                applied.stamp(ctx.connection, self.database, self.script, self.after)
        self.database.after_revision()
        if not self.quiet and self.current:
            output.reporter().step_done(seconds)

    def conclude(self) -> None:
        """Report the revision before and after the run. Another connection confirms that it was stored."""
        if self.applied and (stored := read_heads(self.database)) != self.after:
            raise MigrationError(
                f"The revisions ran, but {self.database} says it is at {describe(self.script, stored)}: "
                "something committed or rolled back on the migration's own connection."
            )
        if self.quiet:
            return
        if self.applied:
            output.line(f"{describe(self.script, self.before)} → {describe(self.script, self.after)}")
        else:
            if self.half_applied:
                raise MigrationError(self.half_applied)
            by = ", brought there by the process that was waited for" if self.waited else ""
            output.line(f"Nothing to do: {self.database} is at {describe(self.script, self.after)}{by}.")
