"""Waiting for locks: one process migrates a database; the others wait and report the holder."""

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

from .. import output, settings
from ..errors import MigrationError

PAUSE = 0.1  # seconds between two attempts


def poll_until(
    take: Callable[[], bool],
    holder: Callable[[], str | None],
    place: str,
    undecided: Callable[[], bool] = lambda: False,
) -> bool:
    """Call `take` until it succeeds, and return whether it had to wait.

    Raises MigrationError after MIGRATION_LOCK_TIMEOUT seconds (60 by default), naming the `holder`. The
    timeout does not apply while `undecided` returns True, that is, while it is not known whether there is a
    holder.
    """
    began = time.monotonic()
    limit = settings.active().lock_timeout
    waited = False
    while not take():
        who = holder() or "another program"
        if not waited:
            output.notice(f"Waiting for {who} to be done with {place} ...")
        waited = True
        if time.monotonic() - began > limit and not undecided():
            raise MigrationError(
                f"{place} is in use by {who}; gave up after {limit:g} s, nothing was changed: "
                "wait until it is done, or stop it (the development server, say), then try again."
            )
        time.sleep(PAUSE)
    return waited


def process_tag() -> str:
    """Return the text that identifies this process to others.

    It fits into the 63 characters of PostgreSQL's application_name.
    """
    return f"{socket.gethostname()[:30]}|{os.getpid()}|{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def describe_holder(description: str | None) -> str | None:
    """Describe another process by its `process_tag()`; None without a tag or if the process has ended."""
    host, _, rest = (description or "").partition("|")
    pid, _, since = rest.partition("|")
    if not since:
        return None
    if host == socket.gethostname()[:30] and os.name == "posix":
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return None
        except PermissionError:
            pass  # the process exists and belongs to another user
    return f"the migration of {host}, pid {pid}, since {since}"


def describe_dead_holder(description: str, ends: str) -> str:
    """Describe the lease that is waited for when its holder's process has ended."""
    host, pid, since = description.split("|")
    return f"the lease of the migration of {host}, pid {pid}, since {since}, which is gone (it ends {ends}),"
