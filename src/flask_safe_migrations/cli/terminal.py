"""The reporter of the command line. An error is shown as one sentence, with the commands of the project."""

import os
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import click

from ..errors import MigrationError
from ..formatting import can_erase, format_for, format_sql, get_width, has_color, measure
from ..output import Reporter, report_to, suggest
from ..settings import project_commands
from .progress_line import ProgressLine

INTERRUPTED = 130  # the exit code of a program that Ctrl-C has stopped, in a shell
ERASE_LINE = "\r\033[K"
MAX_PROGRESS_INTERVAL = 30  # seconds
REDRAW_SECONDS = 0.1  # more often would only flicker


class TerminalReporter(Reporter):
    """Write results to standard output; notices, questions and progress to standard error."""

    # Seconds until the first line of progress, if standard error is no terminal. Then it doubles.
    PROGRESS_INTERVAL: ClassVar = 1.0

    def __init__(self, commands: Any) -> None:
        self.commands = commands
        # Standard output, while the line of a step has no end yet.
        self.open_line: Any = None
        self.is_opening = False
        # What replaces that line at its end, if it also shows how long the rest takes.
        self.replacement: str | None = None
        self.progress_line = ProgressLine()
        # The text that is shown at present, and since when.
        self.shown = ("", 0.0)
        self.progress_interval = self.PROGRESS_INTERVAL
        self.progress_due = time.monotonic() + self.progress_interval

    @property
    def can_ask(self) -> bool:  # type: ignore[override]
        # make passes the terminal on. A CI pipeline has none, or sets CI.
        return sys.stdin.isatty() and not os.environ.get("CI")

    def line(self, text: str = "") -> None:
        self.end_line()
        echo(suggest(text, self.commands), sys.stdout)

    def notice(self, text: str) -> None:
        self.end_line()
        echo(suggest(text, self.commands), sys.stderr)

    def step(self, name: str, done: int = 0, total: int = 0) -> None:
        """On a terminal, leave the line open for the time, until something else is printed."""
        self.progress_line.advance(done, total, "revisions")
        if not sys.stdout.isatty():
            self.line(name)
            return
        self.end_line()
        rate = self.progress_line.rate()
        fits = measure(name) + len(rate) + 2 < (get_width(sys.stdout) or 0)
        shows_rate = bool(rate) and fits and can_erase(sys.stdout)
        stream = sys.stdout
        write = stream.write

        def end_line_and_write(text: str) -> int:
            # click looks whether the stream is binary by writing nothing
            if text and not self.is_opening:
                self.end_line()
            return write(text)

        # Before the name is printed, as Ctrl-C may come at any time.
        stream.write = end_line_and_write  # type: ignore[method-assign]
        self.open_line, self.is_opening = stream, True
        echo(f"{name}  {rate}" if shows_rate else name, stream, end=False)
        self.replacement = format_for(stream, name) if shows_rate else None
        self.is_opening = False

    def step_done(self, seconds: float) -> None:
        stream = self.open_line
        if stream is None:
            self.line(f"    {seconds:.2f} s")
            return
        self._close(stream)
        click.echo(f"  {seconds:.2f} s")

    def _close(self, stream: Any) -> None:
        self.open_line, self.is_opening = None, False
        del stream.write  # what step() has put in front of the method
        if self.replacement is not None:
            click.echo(f"{ERASE_LINE}{self.replacement}", nl=False, color=True)
            self.replacement = None

    def progress(self, text: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        """Show it in one line that the next output replaces; in a pipe, print a line now and then."""
        self.progress_line.advance(done, total, unit)
        now = time.monotonic()
        if can_erase(sys.stderr):
            last, since = self.shown
            if text != last or now - since > REDRAW_SECONDS:
                self._draw(text)
                self.shown = text, now
        elif now >= self.progress_due:
            echo(self.progress_line.describe(text), sys.stderr)
            self.progress_interval = min(2 * self.progress_interval, MAX_PROGRESS_INTERVAL)
            self.progress_due = now + self.progress_interval

    def _draw(self, text: str) -> None:
        if self.open_line:
            self.end_line()
        drawn = self.progress_line.draw(text, get_width(sys.stderr) or 80)
        click.echo(f"{ERASE_LINE}{drawn}", nl=False, err=True, color=True)

    def end_line(self) -> None:
        """End a line that is open, and erase the progress."""
        if stream := self.open_line:
            self._close(stream)
            click.echo()
        if self.shown[0]:
            self.shown = ("", 0.0)
            click.echo(ERASE_LINE, nl=False, err=True, color=True)

    def confirm(self, question: str, *, from_pipe: bool = False) -> bool:
        if not (self.can_ask or from_pipe):
            return False
        self.end_line()
        try:
            return click.confirm(format_for(sys.stderr, question), default=False, err=True)
        except click.Abort:  # Ctrl-C, or no input
            click.echo(err=True)
            return False

    def prompt(self, question: str) -> str:
        self.end_line()
        return str(click.prompt(format_for(sys.stderr, question), default="", show_default=False, err=True))


def echo(text: str, stream: Any, *, end: bool = True) -> None:
    """Write text to a stream, wrapped and coloured if a person looks at it."""
    click.echo(format_for(stream, text), nl=end, file=stream, color=has_color(stream))


def print_sql(sql: str) -> None:
    """Write SQL to standard output. A pipe gets it as it is."""
    text = format_sql(sql, get_width(sys.stdout), color=has_color(sys.stdout))
    click.echo(text, nl=False, color=has_color(sys.stdout))


@contextmanager
def terminal(app: Any) -> Iterator[None]:
    """Send output within the block to the terminal, and convert a MigrationError to an error of click."""
    commands: str | Mapping[str, str] = {}
    reporter = TerminalReporter(commands)
    try:
        reporter.commands = commands = project_commands(app)
        with report_to(reporter):
            yield
    except MigrationError as error:
        if "--verbose" in sys.argv:
            traceback.print_exception(error.__cause__ or error)
        raise _make_click_error(suggest(error.message, commands), error.exit_code) from error
    except KeyboardInterrupt as error:  # with a message, if a revision was running
        message = str(error) or "Interrupted. `flask db status` shows what each database has."
        raise _make_click_error(suggest(message, commands), INTERRUPTED) from error
    finally:
        reporter.end_line()


def _make_click_error(message: str, code: int) -> click.ClickException:
    class Shown(click.ClickException):
        exit_code = code

        def show(self, file: Any = None) -> None:
            echo(f"Error: {self.format_message()}", file or sys.stderr)

    return Shown(message)
