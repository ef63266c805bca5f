"""The line that says how far long work is, how fast it is, and how long the rest will take.

The progress bars of click and tqdm own the line on which they draw, and other output breaks it. Here the
reporter owns it, and what would be left of them is this arithmetic.
"""

import time
from collections.abc import Callable

from ..formatting import measure

MIN_SECONDS = 0.5  # of work, before anything is concluded from it
MAX_COLUMNS = 120
BAR = 16  # columns
BYTES = ("bytes", "kB", "MB", "GB", "TB")


class ProgressLine:
    """Describes work by the numbers that ``Reporter.progress()`` is given."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.work: tuple[float, str] = (0, "")
        self.first = self.done = 0.0
        self.began = clock()

    def advance(self, done: float, total: float, unit: str) -> None:
        """Take the numbers. Another total, or less done than before, is other work."""
        if (total, unit) != self.work or done < self.done:
            self.work, self.first, self.began = (total, unit), done, self.clock()
        self.done = done

    def rate(self) -> str:
        """Return such as "12/s, 1 min 40 s left", or nothing as long as that is not known."""
        total, unit = self.work
        seconds, done = self.clock() - self.began, self.done - self.first
        if seconds < MIN_SECONDS or done <= 0:
            return ""
        rate = done / seconds
        shown = f"{format_bytes(rate) if unit == 'bytes' else format_number(rate)}/s"
        return f"{shown}, {format_seconds((total - self.done) / rate)} left" if total > self.done else shown

    def describe(self, text: str) -> str:
        """Return the line for a pipe: "  3/150 1babbcfd05f5 (add users.phone): 12/s, 12 s left"."""
        name, position = self._name(text)
        return f"  {name}{': ' if position else ''}{position}"

    def draw(self, text: str, columns: int) -> str:
        """Return the line for a terminal: the name at the left, a bar and the numbers at the right."""
        name, position = self._name(text)
        # What runs over into a second line could not be erased, and a terminal writes ^C behind it.
        columns = min(columns - 3, MAX_COLUMNS)
        total, _ = self.work
        filled = round(BAR * min(self.done / total, 1)) if total else 0
        bar = f"[{'#' * filled}{'.' * (BAR - filled)}]" if total else ""
        right = "  ".join(filter(None, [bar, position]))
        if measure(name) + len(right) + 4 > columns:  # the name is worth more than the bar
            right = position if 2 * measure(position) < columns else ""
        room = columns - 2 - (len(right) + 2 if right else 0)
        if measure(name) > room:
            name = f"{name[: max(room - 1, 0)]}…"
        return f"  {name}{' ' * (room - measure(name))}  {right}".rstrip()

    def _name(self, text: str) -> tuple[str, str]:
        total, unit = self.work
        if unit == "bytes":
            size = f"{format_bytes(self.done)}{f' of {format_bytes(total)}' if total else ''}"
            return text, ", ".join(filter(None, [size if self.done else "", self.rate()]))
        return (f"{self.done + 1:g}/{total:g} {text}" if total else text), self.rate()


def format_number(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"


def format_bytes(size: float) -> str:
    """Return the size in the largest unit of which there is at least one.

    >>> format_bytes(1_500_000)
    '1.5 MB'
    """
    power = 0
    while size >= 1000 and power < len(BYTES) - 1:
        size, power = size / 1000, power + 1
    return f"{format_number(size) if power else int(size)} {BYTES[power]}"


def format_seconds(seconds: float) -> str:
    """Return the time in at most two units.

    >>> format_seconds(100)
    '1 min 40 s'
    """
    whole = max(round(seconds), 1)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
