"""Detects what env.py was asked to do: by `flask db`, by plain `alembic`, or by code."""

from collections.abc import Callable
from inspect import unwrap
from typing import Any

from alembic import context
from alembic.util import CommandError


def revisions_asked_for() -> Callable[..., Any]:
    """Return the function that selects the revisions to run, without the wrapper for another database."""
    revisions: Callable[..., Any] = unwrap(context.get_context().opts["fn"])
    return revisions


def is_applying() -> bool:
    """Return whether this is `upgrade`, `downgrade` or `stamp`: only these have a destination."""
    try:
        context.get_revision_argument()
    except CommandError:
        return True  # the command itself reports the unknown revision
    except KeyError:
        return False
    return True


def is_comparing() -> bool:
    """Return whether a revision is being generated from changes in the models."""
    return bool(getattr(context.config.cmd_opts, "autogenerate", False))
