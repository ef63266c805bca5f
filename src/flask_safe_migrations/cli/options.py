"""Options that several commands share."""

from dataclasses import replace
from typing import Any

import click
from flask import current_app

from ..context import choice, choose
from ..settings import Settings, activate


def bind_option() -> click.Option:
    help_text = "Of several databases this one: a name in SQLALCHEMY_BINDS, or default."
    return click.Option(["--bind"], metavar="NAME", expose_value=False, callback=_choose_bind, help=help_text)


def directory_option() -> click.Option:
    """Return `-d`. It applies to the whole command, including Flask-Migrate's code."""
    return click.Option(
        ["-d", "--directory"],
        metavar="FOLDER",
        callback=_choose_directory,
        help="The folder of env.py, in the place of the one that Migrate(…) was given.",
    )


def yes_option() -> click.Option:
    return click.Option(
        ["--yes"],
        is_flag=True,
        expose_value=False,
        callback=_allow_loss,
        help="Outside development: rows may be lost; a snapshot is taken first.",
    )


def verbose_option() -> click.Option:
    return click.Option(
        ["--verbose"], is_flag=True, expose_value=False, help="Show the traceback of an error."
    )


def _choose_bind(context: click.Context, _option: click.Parameter, given: str | None) -> None:
    _choose(context, bind=given)


def _choose_directory(context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given:
        context.with_resource(activate(Settings.from_app(current_app, given)))
    return given


def _allow_loss(context: click.Context, _option: click.Parameter, given: bool) -> None:
    _choose(context, may_lose_rows=given)


def _choose(context: click.Context, **values: Any) -> None:
    """Apply the options until the command ends."""
    context.with_resource(choose(replace(choice(), **values)))
