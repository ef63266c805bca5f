"""Runs something in a pseudo-terminal and keeps what it writes: for tests, and for the README's pictures."""

import fcntl
import os
import pty
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pyte


@dataclass
class Recording:
    """What a terminal has received, with the time of each part, and how the program has ended."""

    columns: int
    rows: int
    code: int = 0
    chunks: list[tuple[float, bytes]] = field(default_factory=list)

    @property
    def raw(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)

    def screen(self) -> pyte.Screen:
        """Return the screen at the end."""
        screen = pyte.Screen(self.columns, self.rows)
        pyte.ByteStream(screen).feed(self.raw)
        return screen

    @property
    def lines(self) -> list[str]:
        """Return the lines on the screen at the end, without the empty ones below."""
        return "\n".join(line.rstrip() for line in self.screen().display).rstrip("\n").split("\n")


def record(
    program: Sequence[str] | Callable[[], object],
    *,
    columns: int = 80,
    rows: int = 100,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    typed: Mapping[bytes, bytes] | None = None,
) -> Recording:
    """Run a command, or a function in a copy of this process, in a terminal of that size.

    :param typed: what is typed after something was printed, in this order.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        _run(program, (rows, columns), cwd, env or {})
    made = Recording(columns, rows)
    waiting = list((typed or {}).items())
    began, seen = time.monotonic(), b""
    with suppress(OSError):  # EIO at the end
        while chunk := os.read(terminal, 65536):
            made.chunks.append((time.monotonic() - began, chunk))
            seen += chunk
            while waiting and waiting[0][0] in seen:
                seen = seen.partition(waiting[0][0])[2]
                os.write(terminal, waiting.pop(0)[1])
    os.close(terminal)
    made.code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return made


def _run(
    program: Sequence[str] | Callable[[], object],
    size: tuple[int, int],
    cwd: Path | None,
    env: Mapping[str, str],
) -> None:
    """In the new process: never return."""
    code = 1
    try:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        if cwd:
            os.chdir(cwd)
        os.environ.update({"TERM": "xterm-256color", **env})
        if not callable(program):
            os.execvp(program[0], program)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        program()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    finally:
        sys.stdout.flush()
        os._exit(code)
