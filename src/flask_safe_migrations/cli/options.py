"""Options that several commands have."""

from dataclasses import replace
from typing import Any

import click

from ..context import choice, choose


def bind_option() -> click.Option:
    help_text = "Of several databases this one: a name in SQLALCHEMY_BINDS, or default."
    return click.Option(["--bind"], metavar="NAME", expose_value=False, callback=_choose_bind, help=help_text)


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


def _allow_loss(context: click.Context, _option: click.Parameter, given: bool) -> None:
    _choose(context, may_lose_rows=given)


def _choose(context: click.Context, **values: Any) -> None:
    """Until the command ends."""
    context.with_resource(choose(replace(choice(), **values)))
