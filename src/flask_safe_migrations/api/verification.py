"""Everything that can be known about the revisions before they reach production."""

from dataclasses import dataclass

from ..runtime import binds
from ..runtime.errors import one_sentence
from ..verification.compatibility import check_compatibility
from ..verification.suite import Check, Verification
from .status import on_bind


@dataclass(frozen=True)
class Report:
    """What was checked. A check whose `ok` is None was not run, because of one before it."""

    engine: str
    checks: list[Check]

    @property
    def ok(self) -> bool:
        """Whether no check has failed."""
        return all(check.ok is not False for check in self.checks)


def verify(*, against: str | None = None, bind: str | None = None) -> Report:
    """Check the revisions: one head, proved both ways, like the models, named, no unaccepted warning.

    What was in order before and has not changed is not run again.

    :param against: check only what would break code that still runs at this revision, or at this commit, tag
        or branch of git.
    """
    with on_bind(bind):
        databases = binds.databases()
        with one_sentence(databases[0]):
            checks = check_compatibility(databases, against) if against else Verification(databases).run()
    return Report(databases[0].title, checks)
