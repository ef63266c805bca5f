"""The reporter of the command line. An error is shown as one sentence, with the commands of the project."""

import os
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from ..errors import MigrationError
from ..output import Reporter, report_to, suggest
from ..settings import project_commands


class TerminalReporter(Reporter):
    """Write results to standard output and notices to standard error."""

    def __init__(self, commands: Any) -> None:
        self.commands = commands

    @property
    def can_ask(self) -> bool:  # type: ignore[override]
        # make passes the terminal on. A CI pipeline has none, or sets CI.
        return sys.stdin.isatty() and not os.environ.get("CI")

    def line(self, text: str = "") -> None:
        if text.startswith("Warning, "):
            text = click.style("Warning, ", fg="yellow") + text.removeprefix("Warning, ")
        click.echo(suggest(text, self.commands))

    def notice(self, text: str) -> None:
        click.echo(suggest(text, self.commands), err=True)

    def confirm(self, question: str, *, from_pipe: bool = False) -> bool:
        if not (self.can_ask or from_pipe):
            return False
        try:
            return click.confirm(question, default=False)
        except click.Abort:  # Ctrl-C, or no input
            click.echo()
            return False

    def prompt(self, question: str) -> str:
        return str(click.prompt(question, default="", show_default=False))


class WrongUsage(click.ClickException):
    """The command was called with invalid arguments."""

    exit_code = 2


@contextmanager
def terminal(app: Any) -> Iterator[None]:
    """Send output within the block to the terminal, and convert a MigrationError to an error of click."""
    commands: str | Mapping[str, str] = {}
    try:
        commands = project_commands(app)
        with report_to(TerminalReporter(commands)):
            yield
    except MigrationError as error:
        if "--verbose" in sys.argv:
            traceback.print_exception(error.__cause__ or error)
        kind = WrongUsage if error.exit_code == WrongUsage.exit_code else click.ClickException
        raise kind(suggest(error.message, commands)) from error
