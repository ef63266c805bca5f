"""Report progress and findings. Only the command line prints; all other code calls the reporter.

The default reporter writes to the logger ``flask_safe_migrations``. A command line sets a reporter that
writes to the terminal, and that replaces suggested commands by those of the project.
"""

import logging
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

log = logging.getLogger("flask_safe_migrations")

# MIGRATION_COMMANDS = "make": the targets in the Makefile of a generated project.
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
# Options that are variables of a target. All others are passed in args="…".
VARIABLES = {"-m": "m", "--data": "data", "--upto": "upto"}
SUGGESTED = re.compile(r"`flask db ([a-z-]+)((?: [^`]*)?)`")


class Reporter:
    """Receives the output of a command.

    Subclass it to show progress elsewhere, and activate it with :func:`report_to`::

        class Collect(Reporter):
            def line(self, text=""):
                lines.append(text)

        with report_to(Collect()):
            upgrade()

    By default :meth:`confirm` returns False and :meth:`prompt` returns an empty string. To ask the user,
    override both and set ``can_ask`` to True.
    """

    # Whether a user is available to answer questions.
    can_ask = False

    def line(self, text: str = "") -> None:
        """Report one line of the result."""
        log.info(text)

    def notice(self, text: str) -> None:
        """Report a message that is not part of the result, such as a wait or a warning."""
        log.warning(text)

    def step(self, name: str, done: int = 0, total: int = 0) -> None:
        """Report that a revision begins. :meth:`step_done` follows, unless it fails.

        :param name: the revision, with its number if there are several.
        :param done: how many revisions of this run are done.
        :param total: how many there are.
        """
        self.line(name)

    def step_done(self, seconds: float) -> None:
        """Report how long the revision has taken."""
        self.line(f"    {seconds:.2f} s")

    def progress(self, text: str, done: float = 0, total: float = 0, unit: str = "") -> None:
        """Report what long work is at. It is called often, and is no part of the result.

        :param text: what is done now, such as the name of a revision.
        :param done: how much has been done before it.
        :param total: how much there is to do; 0 if that is not known.
        :param unit: "revisions" or "bytes".
        """
        log.debug("%s (%g of %g %s)" if total else "%s", text, *((done, total, unit) if total else ()))

    def confirm(self, question: str, *, from_pipe: bool = False) -> bool:
        """Ask a yes/no question. Return False if nobody can be asked.

        :param question: the text of the question.
        :param from_pipe: whether another program may answer through a pipe.
        """
        return False

    def prompt(self, question: str) -> str:
        """Ask for a value. Return an empty value if nobody can be asked."""
        return ""


_active: ContextVar[Reporter | None] = ContextVar("flask_safe_migrations.reporter", default=None)
_default = Reporter()


def reporter() -> Reporter:
    """Return the reporter of the running command."""
    return _active.get() or _default


@contextmanager
def report_to(reporter: Reporter) -> Iterator[None]:
    """Send all output within the block to this reporter."""
    token = _active.set(reporter)
    try:
        yield
    finally:
        _active.reset(token)


def line(text: str = "") -> None:
    reporter().line(text)


def notice(text: str) -> None:
    reporter().notice(text)


def progress(text: str, done: float = 0, total: float = 0, unit: str = "") -> None:
    reporter().progress(text, done, total, unit)


@contextmanager
def quiet_alembic() -> Iterator[None]:
    """Suppress Alembic's log within the block: what runs there is no migration of a user's database."""
    logger = logging.getLogger("alembic.runtime.migration")
    logger.addFilter(_is_warning)  # a fileConfig() in env.py would reset the log level
    try:
        yield
    finally:
        logger.removeFilter(_is_warning)


def _is_warning(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING


def quote(argument: str) -> str:
    """Return the argument as it is typed in a shell: in double quotes, if they are enough."""
    if shlex.quote(argument) == argument or re.search(r'["$`\\!]', argument):
        return shlex.quote(argument)
    return f'"{argument}"'


def suggest(text: str, commands: str | Mapping[str, str]) -> str:
    """Replace the commands that a message suggests by those of the project.

    :param text: a message with commands in backquotes: ``run `flask db upgrade` first``.
    :param commands: "make" for the targets of a generated project, or a mapping from a verb to the command
        that replaces ``flask db VERB``. Verbs that are not listed are left unchanged.
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
    """Convert options to variables of make: `-m "x" --drop y` becomes `m="x" args="--drop y"`."""
    if not rest:
        return ""
    words = re.findall(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""", rest)
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
        text = " ".join(others).replace("$", "$$")  # make expands a single one
        variables.append(f"args={quote(text)}")
    return " ".join(variables)
