"""Runs `flask` in children of one Python that has imported everything: hundreds of trials, one start.

A child is a process of its own from before the application is made: it opens its own files and connections,
and `kill -9` ends it like any other. Of what a command does only the import of the libraries is left out.
"""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from project import BakedProject, clean_environment

PARENT = """
import os, signal, sys, time
from flask.cli import main

with open(os.devnull, "w") as nowhere:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(nowhere.fileno(), 1)
sys.argv = ["flask", "db", "heads"]  # imports the application and the workflow, opens no database
try:
    main()
except SystemExit as ended:
    assert not ended.code
__import__(os.environ["DRIVER"])
for line in sys.stdin:
    kill_after, out, *arguments = line.rstrip("\\n").split("\\t")
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        file = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.argv = ["flask", *arguments]
        main()
    if kill_after:
        time.sleep(float(kill_after))
        os.kill(child, signal.SIGKILL)  # it may have ended, but its number is not given away before waitpid
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(code, time.monotonic() - began, file=replies, flush=True)
"""
DRIVERS = {"sqlite": "sqlite3", "postgresql": "psycopg", "mariadb": "pymysql"}


class Ended(NamedTuple):
    code: int  # -9 if it was killed
    seconds: float
    out: str


class Forks:
    def __init__(self, project: BakedProject, parent: subprocess.Popen) -> None:
        self.out = project.path / "out of the child"
        self.parent = parent

    def flask(self, *arguments: str, kill_after: float | None = None) -> Ended:
        """Run a command to its end, or kill it after so many seconds."""
        print(
            "" if kill_after is None else kill_after, self.out, *arguments, sep="\t", file=self.parent.stdin
        )
        self.parent.stdin.flush()
        code, seconds = self.parent.stdout.readline().split()
        return Ended(int(code), float(seconds), self.out.read_text())

    def completes(self, *arguments: str) -> float:
        """Run a command that has to succeed; return how long that took, in seconds."""
        ended = self.flask(*arguments)
        assert ended.code == 0, ended.out
        return ended.seconds


@contextmanager
def forks(project: BakedProject) -> Iterator[Forks]:
    environment = clean_environment() | project.env | {"DRIVER": DRIVERS[project.url.partition(":")[0]]}
    with subprocess.Popen(
        [project.python, "-c", PARENT],
        cwd=project.path,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        yield Forks(project, parent)
        parent.stdin.close()
