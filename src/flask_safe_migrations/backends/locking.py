"""Of several processes that migrate one database one does it; the others wait, and say for whom."""

import os
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime

from .. import output, settings
from ..errors import MigrationError

PAUSE = 0.1  # seconds between two tries


def poll_until(
    take: Callable[[], bool],
    holder: Callable[[], str | None],
    place: str,
    undecided: Callable[[], bool] = lambda: False,
) -> bool:
    """Call `take` until it succeeds, and return whether it had to wait.

    Raises MigrationError after MIGRATION_LOCK_TIMEOUT seconds (60), naming the `holder`; not while it is
    `undecided` whether there still is one.
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
    """What the others are told about this process, in the 63 characters of an application_name."""
    return f"{socket.gethostname()[:30]}|{os.getpid()}|{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def told(description: str | None) -> str | None:
    """Put `myself()` of another process into words; None where it is nothing or that process is gone."""
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
            pass  # it lives, as somebody else
    return f"the migration of {host}, pid {pid}, since {since}"


def describe_dead_holder(description: str, ends: str) -> str:
    """Say what is waited for where `told()` has found that the process is gone."""
    host, pid, since = description.split("|")
    return f"the lease of the migration of {host}, pid {pid}, since {since}, which is gone (it ends {ends}),"
