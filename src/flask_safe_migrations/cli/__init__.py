"""The commands of `flask db`, one module for each."""

import copy
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any

import click
from alembic.script import ScriptDirectory
from flask.cli import ScriptInfo
from flask_migrate.cli import db as flask_migrate_commands

from ..errors import MigrationError
from ..revisions import files
from ..runtime.heads import alembic_config
from ..settings import Settings, activate
from .adopt import adopt
from .backup import backup
from .branch_switch import asking
from .branch_switch import option as foreign_option
from .browse import browse
from .diagram import diagram
from .help import show_help
from .init import init
from .manifest_hook import listed
from .new import new
from .options import bind_option, directory_option, verbose_option, yes_option
from .rebase import rebase
from .rebuild import rebuild
from .restore import restore
from .sql import sql
from .squash import squash
from .status import status
from .terminal import terminal
from .verify import verify

VERBS = (adopt, backup, browse, diagram, init, new, rebase, rebuild, restore, sql, squash, status, verify)


class Commands(click.Group):
    """Send output to the terminal, and show a MigrationError as one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        app = ctx.ensure_object(ScriptInfo).load_app()
        with terminal(app), activate(Settings.from_app(app, ctx.params.get("directory"))):
            try:
                return super().invoke(ctx)
            except (MigrationError, click.ClickException, click.Abort, click.exceptions.Exit):
                raise
            except Exception:
                files.require_complete(ScriptDirectory.from_config(alembic_config()), load=True)
                raise


def make_group(name: str | None = "db") -> click.Group:
    """Return the command group. Flask-Migrate's commands are copied, not modified in place."""
    group = Commands(
        name,
        commands=[
            *(_copy(command) for command in (*flask_migrate_commands.commands.values(), *VERBS)),
            show_help,
        ],
        params=flask_migrate_commands.params,
        callback=flask_migrate_commands.callback,
        help="Make, apply and inspect migrations.\n\n`migrate` makes a revision (so does `new`, with more "
        "care); `upgrade` applies what is pending; `help` shows the documentation.",
    )
    del group.commands["list-templates"]  # there is one env.py, for any number of databases
    for made in ("migrate", "revision", "merge"):
        _wrap(group, made, listed)
    for read in ("branches", "current", "edit", "heads", "history", "merge", "show"):
        _wrap(group, read, _check_files)
    _wrap(group, "upgrade", asking, (foreign_option,))
    _wrap(group, "downgrade", lambda callback: callback, (yes_option(),))
    # The -2 in `flask db downgrade -2` is a revision, not an option.
    group.commands["downgrade"].context_settings = {"ignore_unknown_options": True}
    return group


def _copy(command: click.Command) -> click.Command:
    own = copy.copy(command)
    known = [option for option in command.params if option.name != "directory"]
    directory = directory_option()
    # Flask-Migrate's functions take it as an argument. This library's functions use the settings.
    directory.expose_value = len(known) < len(command.params) or command.name == "init"
    own.params = [directory, *known, bind_option()]
    if not any("--verbose" in option.opts for option in own.params):
        own.params.append(verbose_option())
    return own


def _check_files(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Alembic's own message about an incomplete revision does not name the file."""

    @wraps(callback)
    def run(*arguments: Any, **options: Any) -> None:
        files.require_complete(ScriptDirectory.from_config(alembic_config()))
        callback(*arguments, **options)

    return run


def _wrap(group: click.Group, name: str, wrapper: Any, options: Iterable[click.Option] = ()) -> None:
    command: Any = group.commands[name]
    command.callback = wrapper(command.callback)
    command.params.extend(options)
