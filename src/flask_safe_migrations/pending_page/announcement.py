"""The one line that `flask run` prints if something is pending."""

import threading
import time
from contextlib import suppress
from typing import Any

import click
from flask.cli import ScriptInfo, run_command

from ..output import suggest
from ..settings import project_commands
from .checker import Checker

PATIENCE = 30  # seconds for the application to load


def start(app: Any, checker: Checker) -> None:
    """If `flask run` is loading this application, print the line once the application is complete.

    A thread does it, so that the server starts without a delay. With the reloader, `flask run` loads the
    application once, and each of the processes that serve it loads it again; only the first one prints.
    """
    from werkzeug.serving import is_running_from_reloader

    context = click.get_current_context(silent=True)
    if context is None or context.command is not run_command or is_running_from_reloader():
        return
    info = context.ensure_object(ScriptInfo)
    threading.Thread(target=_announce, args=(app, checker, info), daemon=True).start()


def _announce(app: Any, checker: Checker, info: ScriptInfo) -> None:
    ends = time.monotonic() + PATIENCE
    # The attribute is not public. Without it, the check begins while the application is still being loaded.
    while getattr(info, "_loaded_app", app) is None and time.monotonic() < ends:
        time.sleep(0.05)
    with suppress(Exception):  # the page will report it
        state = checker.find_problem(details=False)
        if state.is_problem:
            click.echo(suggest(state.sentence, project_commands(app)), err=True)
