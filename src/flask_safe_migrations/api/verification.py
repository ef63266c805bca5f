"""Verify the revisions before they reach production."""

from dataclasses import dataclass

from ..runtime import binds
from ..runtime.errors import one_sentence
from ..verification.compatibility import check_compatibility
from ..verification.suite import Check, Verification
from .status import on_bind


@dataclass(frozen=True)
class Report:
    """The results of all checks. If `ok` of a check is None, it was skipped because of an earlier one."""

    engine: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Return whether no check has failed."""
        return all(check.ok is not False for check in self.checks)


def verify(*, against: str | None = None, bind: str | None = None) -> Report:
    """Verify the revisions.

    Check that there is a single head, that each revision passes a round trip, that there is no drift from
    the models, that constraints have names, and that all warnings are accepted.

    A check that passed before is not run again if nothing has changed. Example::

        report = api.verify()
        assert report.ok

    :param against: check only compatibility with code that still runs at this revision, or at this commit,
        tag or branch of git.
    :param bind: the database. The default is all databases.
    :raises MigrationError: if the checks cannot be run.
    """
    with on_bind(bind):
        databases = binds.databases()
        with one_sentence(databases[0]):
            checks = check_compatibility(databases, against) if against else Verification(databases).run()
    return Report(databases[0].title, checks)
