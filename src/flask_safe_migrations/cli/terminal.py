"""The reporter of the command line. An error is shown as one sentence, with the commands of the project."""

import os
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar

import click

from ..errors import MigrationError
from ..output import Reporter, report_to, suggest
from ..settings import project_commands

INTERRUPTED = 130  # the exit code of a program that Ctrl-C has stopped, in a shell
ERASE_LINE = "\r\033[K"


class TerminalReporter(Reporter):
    """Write results to standard output, notices and progress to standard error."""

    # Seconds between two lines of progress, if standard error is no terminal.
    PROGRESS_INTERVAL: ClassVar = 1.0

    def __init__(self, commands: Any) -> None:
        self.commands = commands
        # Standard output, while the line of a step has no end yet.
        self.open_line: Any = None
        self.progress_shown = False
        self.progress_due = time.monotonic() + self.PROGRESS_INTERVAL

    @property
    def can_ask(self) -> bool:  # type: ignore[override]
        # make passes the terminal on. A CI pipeline has none, or sets CI.
        return sys.stdin.isatty() and not os.environ.get("CI")

    def line(self, text: str = "") -> None:
        self.end_line()
        if text.startswith("Warning, "):
            text = click.style("Warning, ", fg="yellow") + text.removeprefix("Warning, ")
        click.echo(suggest(text, self.commands))

    def notice(self, text: str) -> None:
        self.end_line()
        click.echo(suggest(text, self.commands), err=True)

    def step(self, name: str) -> None:
        """On a terminal, leave the line open for the time, until something else is printed."""
        if not sys.stdout.isatty():
            self.line(name)
            return
        self.end_line()
        click.echo(name, nl=False)
        self.open_line = sys.stdout
        write = sys.stdout.write

        def end_line_and_write(text: str) -> int:
            if text:  # click looks whether the stream is binary by writing nothing
                self.end_line()
            return write(text)

        sys.stdout.write = end_line_and_write  # type: ignore[method-assign]

    def step_done(self, seconds: float) -> None:
        stream = self.open_line
        if stream is None:
            self.line(f"    {seconds:.2f} s")
            return
        self._close(stream)
        click.echo(f"  {seconds:.2f} s")

    def _close(self, stream: Any) -> None:
        self.open_line = None
        del stream.write  # what step() has put in front of the method

    def progress(self, text: str) -> None:
        """Show it in one line that the next output replaces; in a pipe, print a line now and then."""
        if sys.stderr.isatty():
            self.end_line()
            width = shutil.get_terminal_size().columns - 1  # a longer line could not be erased
            click.echo(text[:width], nl=False, err=True)
            self.progress_shown = True
        elif time.monotonic() >= self.progress_due:
            click.echo(text, err=True)
            self.progress_due = time.monotonic() + self.PROGRESS_INTERVAL

    def end_line(self) -> None:
        """End a line that is open, and erase the progress."""
        if stream := self.open_line:
            self._close(stream)
            click.echo()
        if self.progress_shown:
            self.progress_shown = False
            click.echo(ERASE_LINE, nl=False, err=True)

    def confirm(self, question: str, *, from_pipe: bool = False) -> bool:
        if not (self.can_ask or from_pipe):
            return False
        self.end_line()
        try:
            return click.confirm(question, default=False)
        except click.Abort:  # Ctrl-C, or no input
            click.echo()
            return False

    def prompt(self, question: str) -> str:
        self.end_line()
        return str(click.prompt(question, default="", show_default=False))


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

    return Shown(message)
