"""What env.py has been asked for: by `flask db`, by plain `alembic`, or by code."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from alembic import context
from alembic.util import CommandError


def revisions_asked_for() -> Callable[..., Any]:
    """Return the function that says which revisions run, without what watched it on another database."""
    revisions: Callable[..., Any] = unwrap(context.get_context().opts["fn"])
    return revisions


def is_applying() -> bool:
    """Whether this is `upgrade`, `downgrade` or `stamp`: only they have a destination."""
    try:
        context.get_revision_argument()
    except CommandError:
        return True  # the run itself will say that there is no such revision
    except KeyError:
        return False
    return True


def is_comparing() -> bool:
    """Whether a revision is made from what changed in the models."""
    return bool(getattr(context.config.cmd_opts, "autogenerate", False))
