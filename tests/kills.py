"""Trials with `kill -9`: at each point where something changes, and at random moments.

KILLS says how many random moments there are. A few show that this still works, `make test-long` has many.
What happens inside one statement or one commit is up to the database, which is tested for that by its makers.
"""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator

from project import BakedProject

KILLS = int(os.environ.get("KILLS", "3"))


def at_each_point(project: BakedProject, *command: str, reset: Callable[[], None]) -> Iterator[str]:
    """Kill the command before each change that it makes, from a new start each time; yield what was next.

    The points are counted in kill_points.py. The last trial of all, which comes to its end, is not yielded.
    """
    assert project.forks
    number = 0
    while True:
        reset()
        ended = project.flask(*command, check=False, KILL_AT=str(number))
        if ended.returncode != -signal.SIGKILL:
            assert ended.returncode == 0, ended.out
            return
        yield ended.out.splitlines()[-1].removeprefix("killed before ")
        number += 1


def seconds(project: BakedProject, *command: str) -> float:
    """Run a command that has to succeed; return how long it took."""
    began = time.monotonic()
    project.flask(*command)
    return time.monotonic() - began


def kill_after(project: BakedProject, seconds: float, *command: str) -> None:
    process = project.start(*command)
    time.sleep(seconds)
    process.kill()
    process.communicate(timeout=60)


def at_random(
    project: BakedProject,
    *command: str,
    reset: Callable[[], None],
    trials: int = KILLS,
    earliest: Callable[[int], float] = lambda trial: 0.2,
) -> Iterator[int]:
    """Kill the command at random moments of the time that it takes."""
    reset()
    whole = seconds(project, *command)
    for trial in range(trials):
        reset()
        kill_after(project, random.Random(trial).uniform(earliest(trial), 1.0) * whole, *command)
        yield trial
