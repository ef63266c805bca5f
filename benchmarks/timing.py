"""Times whole processes: two commands that take turns."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# Settings of the shell that this is started from would reach one side and not the other. Above
# all PYTHONDONTWRITEBYTECODE has to go: with it every start compiles again what it imports.
SETTINGS = ("PYTHON", "FLASK_", "COOKIECUTTER_", "DATABASE_URL", "SECRET_KEY", "SETTINGS")
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}


def run(command: list[str], folder: Path) -> str:
    """Run `command` in `folder` and return its output; where it fails, end with that."""
    result = subprocess.run(
        command,
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        sys.exit(f"This failed: {' '.join(command)}\n{result.stdout[-2000:]}")
    return result.stdout


@dataclass(frozen=True)
class Side:
    """A command, where it runs, and what is done before each run without being timed."""

    command: list[str]
    folder: Path
    prepare: Callable[[], None] = lambda: None

    def seconds(self) -> float:
        self.prepare()
        start = time.perf_counter()
        run(self.command, self.folder)
        return time.perf_counter() - start


LINE = "{:<34} {:>9} {:>10} {:>6} {:>8} {:>4}"


def line(what: str, seconds: float, *, limit: float) -> str:
    """Return a line of the table for a time that is compared with a limit only."""
    met = "yes" if seconds <= limit else "no"
    return LINE.format(what, f"{seconds:.3f}", "", "", f"<= {limit:.1f} s", met)


@dataclass(frozen=True)
class Comparison:
    what: str
    aim: float  # ours / stock, at most

    @staticmethod
    def heading() -> str:
        return LINE.format("what", "ours (s)", "stock (s)", "ratio", "aim", "met")

    def measure(self, ours: Side, stock: Side, *, runs: int) -> str:
        """Return a line of the table. A first run of each side fills caches and does not count.

        A single run shows only that both sides work.
        """
        if runs > 1:
            ours.seconds()
            stock.seconds()
        pairs = [(ours.seconds(), stock.seconds()) for _ in range(runs)]
        ratio = median(a / b for a, b in pairs)
        return LINE.format(
            self.what,
            f"{median(a for a, _ in pairs):.3f}",
            f"{median(b for _, b in pairs):.3f}",
            f"{ratio:.2f}",
            f"<= {self.aim:.2f}",
            "yes" if ratio <= self.aim else "no",
        )
