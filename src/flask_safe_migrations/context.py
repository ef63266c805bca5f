"""What one command hands down: to Alembic's environment in ``config.attributes``, and beside it.

A single typed object stands in the place of loose keys, so that a misspelled one is found by mypy.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

KEY = "flask_safe_migrations"
Recorder = Callable[[Connection], AbstractContextManager[Any]]


@dataclass
class RunContext:
    """One run of env.py."""

    # Run on this database, and not on those that the application has.
    only: Any = None
    # Run on a shadow database, or look: nothing is reported, journalled or saved.
    quiet: bool = False
    # The revisions are others than those in versions/, and whoever runs them has looked at them.
    checked: bool = False
    # Run on nothing: note the options for context.configure() that env.py and Migrate(…) give.
    noted: dict[str, Any] | None = None
    # Around the run, with its connection.
    recorder: Recorder = nullcontext
    # By bind: shadow databases that are at the newest revisions already.
    shadows: dict[str | None, Any] = field(default_factory=dict)
    # Whether no other database comes after the one at hand.
    is_last: bool = True
    # What the developer answers to a difference that can be read in two ways.
    answers: Any = None
    # For script.py.mako: the code of upgrade() and downgrade() by bind, imports, a data revision's table.
    parts: dict[str | None, tuple[str, str]] = field(default_factory=dict)
    imports: set[str] = field(default_factory=set)
    data: Any = None

    @classmethod
    def of(cls, config: Any) -> "RunContext":
        """Return the one in Alembic's ``Config``; a config without one gets it."""
        found = config.attributes.setdefault(KEY, cls())
        assert isinstance(found, cls)  # noqa: S101 - for mypy: the attributes are a plain dictionary
        return found


@dataclass(frozen=True)
class Comparison:
    """The database at hand, in ``migration.opts``: what the comparators of autogenerate need to know."""

    database: Any
    is_shadow: bool
    # `compare_server_default`: True, False, or a function of the application.
    compare_defaults: Any = True

    @classmethod
    def of(cls, migration: Any) -> "Comparison":
        found = migration.opts[KEY]
        assert isinstance(found, cls)  # noqa: S101 - as above
        return found


@dataclass(frozen=True)
class Choice:
    """What was given on the command line for the whole command."""

    # The one database that --bind names.
    bind: str | None = None
    # Whether --yes was given to a downgrade; None where code asks for it, and nobody can be asked.
    may_lose_rows: bool | None = None


NOTHING = Choice()
_choice: ContextVar[Choice] = ContextVar("flask_safe_migrations.choice", default=NOTHING)


def choice() -> Choice:
    return _choice.get()


@contextmanager
def choose(chosen: Choice) -> Iterator[None]:
    token = _choice.set(chosen)
    try:
        yield
    finally:
        _choice.reset(token)
