"""How progress and findings are reported. Below the command line nothing prints: it reports, line by line.

The default writes to the log ``flask_safe_migrations``. A command line sets a reporter that writes to the
terminal, and knows by which commands the project calls what a message suggests.
"""

import logging
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

log = logging.getLogger("flask_safe_migrations")

# MIGRATION_COMMANDS = "make": the targets of a generated project's Makefile.
MAKE = {
    "adopt": "make adopt",
    "backup": "make backup",
    "browse": "make browse",
    "diagram": "make erd",
    "downgrade": "make rollback",
    "new": "make newmigration",
    "rebase": "make rebase",
    "rebuild": "make db",
    "restore": "make restore",
    "sql": "make sql",
    "squash": "make squash",
    "status": "make status",
    "upgrade": "make migrate",
    "verify": "make checkmigrations",
}
# Options that are variables of a target; all others go into args="…".
VARIABLES = {"-m": "m", "--data": "data", "--upto": "upto"}
SUGGESTED = re.compile(r"`flask db ([a-z-]+)((?: [^`]*)?)`")


class Reporter:
    """Receives what a command reports.

    Subclass it to show progress elsewhere, and set it with :func:`report_to`::

        class Collect(Reporter):
            def line(self, text=""):
                lines.append(text)

        with report_to(Collect()):
            upgrade()
    """

    # Whether there is somebody to ask.
    can_ask = False

    def line(self, text: str = "") -> None:
        """A line of the result."""
        log.info(text)

    def notice(self, text: str) -> None:
        """Something to know that is no part of the result: a wait, a warning."""
        log.warning(text)

    def confirm(self, question: str, *, from_pipe: bool = False) -> bool:
        """Ask a question that is answered with yes or no; without somebody to ask the answer is no.

        :param from_pipe: an answer may also come from another program.
        """
        return False

    def prompt(self, question: str) -> str:
        """Ask for a value; nothing where nobody can be asked."""
        return ""


_active: ContextVar[Reporter | None] = ContextVar("flask_safe_migrations.reporter", default=None)
_default = Reporter()


def reporter() -> Reporter:
    """Return the reporter of the command that runs."""
    return _active.get() or _default


def is_reporting() -> bool:
    """Whether a command line, or a caller, has set a reporter."""
    return _active.get() is not None


@contextmanager
def report_to(reporter: Reporter) -> Iterator[None]:
    """Report to this reporter whatever runs inside."""
    token = _active.set(reporter)
    try:
        yield
    finally:
        _active.reset(token)


def line(text: str = "") -> None:
    reporter().line(text)


def notice(text: str) -> None:
    reporter().notice(text)


def suggest(text: str, commands: str | Mapping[str, str]) -> str:
    """Replace the commands that a message suggests by those that the project has for them.

    :param text: a message with commands in backquotes: ``run `flask db upgrade` first``.
    :param commands: "make" for the targets of a generated project, or by verb what is to be typed in
        the place of ``flask db VERB``. Others stay as they are.
    """
    known = MAKE if commands == "make" else commands if isinstance(commands, Mapping) else {}

    def replace(found: re.Match[str]) -> str:
        verb, rest = found[1], found[2].strip()
        if verb not in known:
            return found[0]
        words = [known[verb], rest]
        if known[verb].startswith("make "):
            words[1] = _make_variables(verb, rest)
        return f"`{' '.join(filter(None, words))}`"

    return SUGGESTED.sub(replace, text)


def _make_variables(verb: str, rest: str) -> str:
    """Write options as variables of make: `-m "x" --drop y` is `m="x" args="--drop y"`."""
    if not rest:
        return ""
    words = re.findall(r'"[^"]*"|\S+', rest)
    variables, others = [], []
    while words:
        word = words.pop(0)
        if word in VARIABLES and words:
            variables.append(f"{VARIABLES[word]}={words.pop(0)}")
        elif verb == "restore" and not word.startswith("-"):
            variables.append(f"file={word}")
        else:
            others.append(word)
    if others:
        text = " ".join(others)
        variables.append(f"args={text}" if text == shlex.quote(text) else f'args="{text}"')
    return " ".join(variables)
