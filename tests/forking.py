"""Starts commands of baked projects in the children of a fork server, see fork_server.py.

A `Child` is used like a `subprocess.Popen`, and is as much a process as that: only the import of the
libraries is left out. What would change how Python starts, or what the libraries do when they are imported,
gets a Python of its own: `server_for()` decides.
"""

import atexit
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Self

import fork_server

# What the outer `make test` and the developer's shell must not leak into a baked project.
LEAKING = re.compile(
    "args|data|DATABASE_URL|SECRET_KEY|SETTINGS|VIRTUAL_ENV|(FLASK|PYTEST|PYTHON|MAKE|MFLAGS|UV_P).*"
)


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not LEAKING.fullmatch(name)}


PROGRAM = Path(fork_server.__file__)

# What Python, the C library and the libraries read from the environment when they start or are imported.
READ_AT_THE_START = re.compile("(PYTHON|LC_|LANG|LD_|TZ|USER|LOGNAME|PSYCOPG|SQLALCHEMY_WARN).*")


class Child:
    """A command that runs, with its output in a pipe; the interface is that of subprocess.Popen."""

    def __init__(self, server: "ForkServer", command: list[str], cwd: Path, env: dict[str, str]) -> None:
        reading, writing = os.pipe()
        nothing = os.open(os.devnull, os.O_RDONLY)
        try:
            self._connection, answers = fork_server.request(
                server.path, command, str(cwd), env, [nothing, writing, writing]
            )
        finally:
            os.close(nothing)
            os.close(writing)
        self.args = command
        self.stdout = open(reading)  # noqa: PTH123, SIM115
        self.returncode: int | None = None
        self.pid = int(answers.readline())
        self._answers = answers
        server.children.add(self)  # it lives on when nobody holds it, as any process does
        self._server = server

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            answer = self._answers.readline()
            assert answer, "the fork server has died"
            self.returncode = int(answer)
            self._answers.close()
            self._connection.close()
            self._server.children.discard(self)
        return self.returncode

    def poll(self) -> int | None:
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Wait for its end; return what it has printed and nobody has read."""
        end = time.monotonic() + (timeout or 1e9)
        read = [b""]
        while True:
            left = end - time.monotonic()
            if left < 0 or not select.select([self.stdout], [], [], left)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0, b"".join(read))
            read.append(os.read(self.stdout.fileno(), 65536))
            if not read[-1]:
                break
        with self.stdout:
            out = self.stdout.read() + b"".join(read).decode()  # the first is what readline() has left over
        self.wait(max(0, end - time.monotonic()))
        return out, None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.wait()


class ForkServer:
    """One for each environment and pytest process; it ends with pytest, however that ends."""

    def __init__(self, environment: Path) -> None:
        folder = tempfile.mkdtemp(prefix="forks-")
        self.path = f"{folder}/socket"
        self.children: set[Child] = set()
        self._process = subprocess.Popen(
            [environment / "bin" / "python", PROGRAM, "serve", self.path],
            cwd="/",
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self._process.stdout
        first = self._process.stdout.readline()
        if first != "ready\n":  # a warning, which each command would print otherwise
            self._process.kill()
            raise AssertionError(first + self._process.stdout.read())
        atexit.register(self._stop, folder)

    def start(self, command: list[str], cwd: Path, env: dict[str, str]) -> Child:
        return Child(self, command, cwd, env)

    def instead_of_flask(self, python: str) -> str:
        """Return what a shell has to run in the place of `python -m flask`."""
        return f"{sys.executable} -I -S {PROGRAM} {self.path} {python} flask"

    def _stop(self, folder: str) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(folder, ignore_errors=True)


_servers: dict[Path, ForkServer] = {}


def server_for(python: Path, env: dict[str, str]) -> ForkServer | None:
    """Return the server whose children are like `python` with this environment; None if there is none.

    There is none for a project with an environment of its own, in which few commands are run.
    """
    environment = python.parent.parent
    usual = clean_environment()
    if not environment.is_symlink() or any(
        env.get(name) != usual.get(name) for name in {*env, *usual} if READ_AT_THE_START.fullmatch(name)
    ):
        return None
    return server_in(environment.resolve())


def server_in(environment: Path) -> ForkServer:
    """Return the server with the libraries of this environment; it starts when it is first asked for."""
    if environment not in _servers:
        _servers[environment] = ForkServer(environment)
    return _servers[environment]
