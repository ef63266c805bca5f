"""Before `flask db upgrade`: a development database that another branch has taken further is taken back."""

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from .. import history
from ..engines.base import Database
from ..engines.errors import MigrationError
from ..history import back, binds, checks, files
from ..history.errors import one_sentence

option = click.Option(
    ["--undo-foreign"],
    is_flag=True,
    help="Development: take back, unasked, what another branch has applied.",
)


def asking(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*arguments: Any, undo_foreign: bool, **options: Any) -> None:
        for database in [] if options.get("sql") else binds.databases():
            with one_sentence(database):
                if checks.outside_development(database) is None and database.exists():
                    _settle(database, unasked=undo_foreign)
        callback(*arguments, **options)

    return run


def _settle(database: Database, *, unasked: bool) -> None:
    script = history.directory()
    there = files.parsed(Path(script.versions))
    applied = back.files_of(database, there)
    wanted = back.reached_through(applied, back.misplaced(applied, there)) if applied else []
    if not applied or not wanted:
        return  # or there is no way back: then env.py says so
    if not unasked:
        names = " and ".join(sorted(file.revision for file in wanted))
        told = f"{database} has {names} from another branch, or in another place of the chain"
        if not sys.stdin.isatty():
            raise MigrationError(
                f"{told}: `flask db upgrade --undo-foreign` takes it back and goes on (`make migrate` asks "
                "first), or `make db` starts the development database anew."
            )
        click.confirm(f"{told}.\nTake it back, with the values in it, and go on?", abort=True)
    back.take_back(database, script, applied, wanted)
