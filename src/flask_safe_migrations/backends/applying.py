"""What a migration of a database is: lock, transaction, what is left of one that failed."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, TextIO

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from .reaching import Reaching

if TYPE_CHECKING:
    from .base import Database


class Applying(Reaching):
    # For context.configure(), the same online and offline.
    options: ClassVar[dict[str, Any]]
    # What a revision that failed has left behind, in words.
    after_failure: ClassVar[str]

    def limits(self) -> dict[str, Any]:
        """Arguments for the connection that applies revisions: how long a statement may wait or run."""
        return {}

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """Keep others from migrating this database; yields whether it had to wait for one that did."""
        yield False

    def confirm(self) -> None:
        """Raise MigrationError where the lock was lost that `lock` has taken."""

    def persist(self, run: Callable[[], None]) -> None:
        """Call `run`, and call it again where the engine says that this may help."""
        run()

    def watching(self, connection: Connection) -> AbstractContextManager[None]:
        """Around a migration inside a transaction of somebody else's, in which all is left as it is."""
        return nullcontext()

    def migrating(self, connection: Connection) -> AbstractContextManager[None]:
        """Around a migration on `connection`, before its transaction begins; puts everything back."""
        return nullcontext()

    def begin(self, migration: MigrationContext) -> bool:
        """First thing inside the transaction; returns whether it had to wait for another migration."""
        return False

    def resumes(self) -> bool:
        """Whether a revision is half applied and about to be taken up again."""
        return False

    def starting(self, revision: str, *, upgrade: bool) -> None:
        """Before each revision that is applied to a database that people use."""

    def finished(self) -> None:
        """After each revision, in the transaction that stores it."""

    def guard(self, connection: Connection) -> Callable[[], None]:
        """Note what must not get worse; the function returned raises MigrationError where it has."""
        return lambda: None

    @contextmanager
    def rendering(self, out: TextIO, prepare: Callable[["Database"], None]) -> Iterator[dict[str, Any]]:
        """Around `--sql`; yields what context.configure() needs for it.

        `prepare` brings a throwaway database to the revision that the SQL starts from.
        """
        yield {
            "url": self.url,
            "output_buffer": out,
            "literal_binds": True,
            # The driver's own style would write a literal % as %%.
            "dialect_opts": {"paramstyle": "named"},
        }
