"""Finds out what is wrong, as cheaply as possible, and applies what is pending. One thread at a time."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..output import Reporter, report_to
from ..settings import Settings, activate
from .differences import Comparison, compare
from .quick_check import Known, QuickCheck, is_in_memory
from .state import State

log = logging.getLogger("flask_safe_migrations")


class Silent(Reporter):
    """For checks: the page shows the result, and nothing is printed meanwhile."""

    def line(self, text: str = "") -> None:
        pass

    def notice(self, text: str) -> None:
        pass


class Checker:
    """The state of one application. Everything is read at the first request, when it is complete."""

    def __init__(self, app: Any) -> None:
        self.app = app
        # Alembic's environment is a global of the process, so that only one thread can use it.
        self.lock = threading.RLock()
        self.settings: Settings | None = None
        self.quick: QuickCheck | None = None
        self.details: Any = None
        self.comparison: Comparison | None = None
        self.compared_with: Known | None = None

    def passes(self) -> bool:
        """Return whether nothing has changed since the last check. This runs for every request."""
        comparison, quick = self.comparison, self.quick
        if comparison is None or quick is None or self.compared_with is not quick.known:
            return False
        return (comparison.is_dismissed or not comparison.differences) and quick.passes()

    def find_problem(self, *, details: bool) -> State:
        """Return what is wrong, or a state without databases.

        :param details: whether to find out what the pending revisions do.
        """
        if self.quick and self.quick.passes():
            return State()
        with self._working(Silent()) as (settings, quick):
            if not (settings.directory / "env.py").is_file():
                return State()  # `flask db init` has not been run yet
            if any(map(is_in_memory, quick.engines.values())):
                return State()  # no other connection reaches it, so no command can migrate it
            if quick.passes() or (quick.known is None and quick.learn_from_last_start()):
                return State()
            from . import inspection  # Alembic is loaded here
            from .details import DetailsReader

            self.details = self.details or DetailsReader()
            folders = inspection.version_folders()
            stamp, signature = quick.read_stamp(folders), quick.read_signature(folders)
            state = inspection.read_state(self.details if details else None)
            if not state.is_problem:
                quick.learn(folders, stamp, signature, state.databases)
            return state

    def find_differences(self, state: State) -> State:
        """Add how the models differ from the revisions, unless the developer has dismissed that."""
        comparison = self.comparison
        if comparison is None or not self.quick or self.compared_with is not self.quick.known:
            comparison = self._compare()
        if comparison.is_dismissed or not comparison.differences:
            return state
        return state.with_differences(comparison.differences)

    def _compare(self) -> Comparison:
        with self._working(Silent()) as (settings, quick):
            folders = quick.known.folders if quick.known else ()
            dialects = [engine.dialect for engine in quick.engines.values()]
            comparison = Comparison(settings, dialects, folders)
            if comparison.differences is None:
                try:
                    comparison.store(compare())
                except Exception as error:  # noqa: BLE001 - `flask db new` will report it
                    log.info("The models could not be compared with the revisions: %s", error)
                    comparison.differences = ()
            self.comparison, self.compared_with = comparison, quick.known
            return comparison

    def dismiss_differences(self) -> None:
        if self.comparison:
            self.comparison.dismiss()

    def apply(self) -> str | None:
        """Apply what is pending; return one sentence if that fails.

        It runs in a thread for which the process waits at its end: the reloader ends it at any time.
        """
        results: list[str | None] = []
        thread = threading.Thread(target=lambda: results.append(self._apply()), daemon=False)
        thread.start()
        thread.join()
        return results[0] if results else "The upgrade was interrupted: `flask db status` shows where it is."

    def _apply(self) -> str | None:
        from .inspection import apply_pending

        with self._working(Reporter()) as (_settings, quick):
            failure = apply_pending()
            for engine in quick.engines.values():
                if engine.dialect.name != "sqlite":  # servers keep plans for the tables as they were
                    engine.dispose()
        return failure

    @contextmanager
    def _working(self, reporter: Reporter) -> Iterator[tuple[Settings, QuickCheck]]:
        with self.lock, self.app.app_context(), report_to(reporter), _logging_kept():
            self.settings = self.settings or Settings.from_app(self.app)
            self.quick = self.quick or QuickCheck(self.settings, dict(self.settings.db.engines))
            with activate(self.settings):
                yield self.settings, self.quick


@contextmanager
def _logging_kept() -> Iterator[None]:
    """Restore the configuration of logging: an env.py with fileConfig() would silence the server's."""
    known = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    loggers = [logging.getLogger(), *known]
    before = [(each.disabled, each.level, each.handlers[:]) for each in loggers]
    try:
        yield
    finally:
        for logger, (disabled, level, handlers) in zip(loggers, before, strict=True):
            logger.disabled, logger.handlers[:] = disabled, handlers
            logger.setLevel(level)
