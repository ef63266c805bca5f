"""Waiting for locks: one process migrates a database; the others wait and report the holder."""

import math
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from .. import output, settings
from ..errors import MigrationError

PAUSE = 0.1  # seconds between two attempts


@dataclass(frozen=True)
class LockHolder:
    """The process that holds the migration lock of a database.

    :param host: the computer on which it runs; empty if the server does not say.
    :param since: when it began, in UTC; empty if the server does not say.
    :param pid: its process id, if it has left a note.
    :param connection: the server's number of its connection, if it has left no note.
    :param ended: whether the process has ended. On a cluster, its lease is still waited for.
    """

    host: str
    since: str
    pid: int | None = None
    connection: int | None = None
    ended: bool = False

    def __str__(self) -> str:
        parts = [f"the migration of {self.host}" if self.host else "a migration of another user"]
        parts += [f"pid {self.pid}"] if self.pid is not None else []
        parts += [f"connection {self.connection}"] if self.connection is not None else []
        parts += [f"since {self.since}"] if self.since else []
        return ", ".join(parts)


def poll_until(
    take: Callable[[], bool],
    holder: Callable[[], LockHolder | str | None],
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


def lock_limit() -> int:
    """Return how many seconds a statement outside of a migration may wait for a lock of another session."""
    try:
        limit = settings.active().lock_timeout
    except MigrationError:  # no application: `testing.create_database` needs none
        limit = settings.Settings.lock_timeout
    return max(1, math.ceil(limit))


def process_tag() -> str:
    """Return the text that identifies this process to others.

    It fits into the 63 characters of PostgreSQL's application_name.
    """
    return f"{socket.gethostname()[:30]}|{os.getpid()}|{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def read_tag(tag: str | None) -> LockHolder | None:
    """Return the process with this `process_tag()`; None without a tag."""
    host, _, rest = (tag or "").partition("|")
    pid, _, since = rest.partition("|")
    if not since or not pid.isdecimal():
        return None
    return LockHolder(host, since, int(pid), ended=_has_ended(host, int(pid)))


def _has_ended(host: str, pid: int) -> bool:
    """Return whether the process of this computer has ended; False for another computer."""
    if host == socket.gethostname()[:30] and os.name == "posix":
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # the process exists and belongs to another user
    return False


def describe_holder(tag: str | None) -> str | None:
    """Describe another process by its `process_tag()`; None without a tag or if the process has ended."""
    holder = read_tag(tag)
    return str(holder) if holder and not holder.ended else None


def describe_dead_holder(tag: str, ends: str) -> str:
    """Describe the lease that is waited for when its holder's process has ended."""
    return f"the lease of {read_tag(tag)}, which is gone (it ends {ends}),"
