"""What the page shows, as plain data: the state of each database, and the sentence that describes it."""

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Self

NAMED = 3  # revisions in one sentence


class Kind(Enum):
    """How a database and the code fit together. The first one that applies is the title of the page."""

    UNREACHABLE = "The database does not answer"
    BROKEN = "A revision cannot be used"
    SEVERAL_HEADS = "The revisions have several heads"
    UNKNOWN = "The database has a revision of other code"
    HALF_APPLIED = "A revision is half applied"
    NO_REVISION = "The database has tables, but no revision"
    MISSING = "The database does not exist yet"
    PENDING = "A revision is pending"
    DIFFERENT = "The models differ from the revisions"
    CURRENT = "The database is up to date"


# `flask db upgrade` gets from these to the newest revision.
APPLICABLE = {Kind.MISSING, Kind.PENDING, Kind.CURRENT}


@dataclass(frozen=True)
class Details:
    """What a revision does, from a run on a shadow database.

    :param warnings: the findings of the safety rules.
    :param problem: why it cannot be shown, or why the revision failed there.
    :param failed: whether the revision failed.
    """

    description: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    warnings: tuple[Any, ...] = ()
    problem: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Revision:
    id: str
    message: str
    date: str = ""
    file: str = ""
    modified: int = 0  # the time of the file
    details: Details | None = None

    def __str__(self) -> str:
        return f"{self.id} ({self.message})" if self.message else self.id


@dataclass(frozen=True)
class DatabaseState:
    """The state of one database.

    :param label: the name of its bind.
    :param place: its URL without the password, or its file.
    :param problem: one sentence about what is wrong, with the commands in backquotes.
    :param applied: its newest revisions, oldest first.
    :param branches: the branches of git that have the unknown revision.
    :param caution: why this may not be a development database.
    """

    label: str
    engine: str
    place: str
    kind: Kind
    problem: str = ""
    applied: tuple[Revision, ...] = ()
    pending: tuple[Revision, ...] = ()
    branches: tuple[str, ...] = ()
    caution: str = ""
    can_resume: bool = False
    # To recognize this state again: the version table, and what it holds.
    bind: str | None = None
    version_table: str = ""
    schema: str | None = None
    heads: frozenset[str] = frozenset()

    @property
    def is_applicable(self) -> bool:
        return self.kind in APPLICABLE or self.can_resume


@dataclass(frozen=True)
class State:
    """The state of all databases.

    :param problem: one sentence, if the revisions themselves are the problem.
    :param heads: the newest revisions, if there are several, and `fork`, the last one that all of them have.
    :param differences: how the models differ from the revisions.
    """

    databases: tuple[DatabaseState, ...] = ()
    problem: str = ""
    heads: tuple[Revision, ...] = ()
    fork: Revision | None = None
    differences: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        if self.problem:
            return Kind.SEVERAL_HEADS if self.heads else Kind.BROKEN
        kinds = {database.kind for database in self.databases}
        if kinds <= {Kind.CURRENT} and self.differences:
            return Kind.DIFFERENT
        return next((kind for kind in Kind if kind in kinds), Kind.CURRENT)

    @property
    def is_problem(self) -> bool:
        return self.kind is not Kind.CURRENT

    @property
    def identity(self) -> object:
        """Equal for two states if the same thing is wrong, and the same revisions are pending."""
        pending = [(revision.id, revision.modified) for revision in self.pending.values()]
        databases = [(each.label, each.kind.name, sorted(each.heads)) for each in self.databases]
        return self.kind.name, databases, pending, self.problem, self.differences

    @property
    def can_apply(self) -> bool:
        """Return whether `flask db upgrade` would make all databases current."""
        is_current = self.kind in {Kind.CURRENT, Kind.DIFFERENT}
        return not self.problem and not is_current and all(each.is_applicable for each in self.databases)

    @property
    def will_fail(self) -> bool:
        """Return whether a pending revision has failed on a shadow database."""
        return any(revision.details and revision.details.failed for revision in self.pending.values())

    @property
    def pending(self) -> dict[str, Revision]:
        """The revisions that at least one database lacks, by id."""
        return {revision.id: revision for each in self.databases for revision in each.pending}

    @property
    def title(self) -> str:
        count = len(self.pending)
        if self.kind is Kind.PENDING and count > 1:
            return f"{count} revisions are pending"
        if self.kind is Kind.SEVERAL_HEADS:
            return f"The revisions have {len(self.heads)} heads"
        if self.kind is Kind.PENDING:
            return "1 revision is pending"
        return str(self.kind.value)

    @property
    def sentence(self) -> str:
        """Return the state in one line, with the command to run in backquotes."""
        if self.problem:
            return self.problem
        if self.kind is Kind.DIFFERENT:
            return (
                f"The models differ from the revisions: {'; '.join(self.differences[:NAMED])}"
                f"{_more(len(self.differences) - NAMED)}. "
                '`flask db new -m "what has changed"` writes the revision.'
            )
        for database in self.databases:
            if database.problem and database.kind is self.kind:
                return database.problem
        names = ", ".join(str(revision) for revision in [*self.pending.values()][:NAMED])
        names += _more(len(self.pending) - NAMED)
        if self.kind is Kind.MISSING:
            count = len(self.pending)
            pending = f": {count} revision{'s are' if count > 1 else ' is'} pending" if count else ""
            return f"The database does not exist yet{pending}. Create it with `flask db upgrade`."
        return f"{self.title}: {names}. Apply with `flask db upgrade`."

    def with_differences(self, differences: tuple[str, ...]) -> Self:
        return replace(self, differences=differences)


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
