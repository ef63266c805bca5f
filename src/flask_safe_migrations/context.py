"""The context that a command passes to Alembic's environment in ``config.attributes``, and related state.

One typed object replaces separate keys, so that mypy finds a misspelled name.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

if TYPE_CHECKING:
    from .backends.base import Database

KEY = "flask_safe_migrations"
Recorder = Callable[[Connection], AbstractContextManager[Any]]


@dataclass
class RunContext:
    """The context of one run of env.py."""

    # Run on this database instead of the databases of the application.
    only: "Database | None" = None
    # Run on a shadow database, or read only: report nothing, write no journal and take no snapshot.
    quiet: bool = False
    # The revisions were assembled for this run, so migrations/HEAD is ignored.
    has_own_revisions: bool = False
    # Run on no database: only collect the context.configure() options of env.py and Migrate(…).
    collected_options: dict[str, Any] | None = None
    # A context manager that wraps the run. It receives the connection.
    recorder: Recorder = nullcontext
    # By bind: shadow databases that are already at head.
    shadows: "dict[str | None, Database]" = field(default_factory=dict)
    # Whether the current database is the last one.
    is_last: bool = True
    # The developer's answers to ambiguous differences.
    answers: Any = None
    # For script.py.mako: the code of upgrade() and downgrade() by bind, imports, a data revision's table.
    parts: dict[str | None, tuple[str, str]] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    data: Any = None

    @classmethod
    def of(cls, config: Any) -> "RunContext":
        """Return the context in Alembic's ``Config``. Create it if there is none."""
        found = config.attributes.setdefault(KEY, cls())
        assert isinstance(found, cls)  # noqa: S101 - for mypy: the attributes are a plain dictionary
        return found


@dataclass(frozen=True)
class Comparison:
    """The current database, in ``migration.opts``: what the autogenerate comparators need to know."""

    database: "Database"
    is_shadow: bool
    # `compare_server_default`: True, False or a function of the application.
    compare_defaults: Any = True

    @classmethod
    def of(cls, migration: Any) -> "Comparison":
        found = migration.opts[KEY]
        assert isinstance(found, cls)  # noqa: S101 - as above
        return found


@dataclass(frozen=True)
class Choice:
    """Options of the command line that apply to the whole command."""

    # The database that --bind names.
    bind: str | None = None
    # Whether --yes was passed to a downgrade. None if called from code, where nobody can be asked.
    may_lose_rows: bool | None = None


NO_CHOICE = Choice()
_choice: ContextVar[Choice] = ContextVar("flask_safe_migrations.choice", default=NO_CHOICE)


def choice() -> Choice:
    return _choice.get()


@contextmanager
def choose(chosen: Choice) -> Iterator[None]:
    token = _choice.set(chosen)
    try:
        yield
    finally:
        _choice.reset(token)


@contextmanager
def on_bind(bind: str | None) -> Iterator[None]:
    """Run the block for one bind. None means all databases, or the one that is already selected."""
    with choose(replace(choice(), bind=bind) if bind else choice()):
        yield
