"""The command group `flask db`: Flask-Migrate's commands and those of this library."""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

import click
from alembic.script import ScriptDirectory
from flask.cli import ScriptInfo
from flask_migrate.cli import db as flask_migrate_group

from ..errors import MigrationError
from ..revisions import files
from ..runtime.heads import alembic_config
from ..settings import Settings, activate
from .databases import adopt, backup, rebuild, restore, resume
from .diagrams import diagram
from .flask_migrate_commands import list_new_revisions, undo_foreign_option, undo_foreign_revisions
from .help import show_help
from .history import graph_options, show_graph
from .init import init
from .inspection import browse, sql, status
from .json_output import print_json
from .options import bind_option, directory_option, verbose_option, yes_option
from .revisions import new, rebase, squash, verify
from .terminal import terminal

COMMANDS = (
    adopt,
    backup,
    browse,
    diagram,
    init,
    new,
    rebase,
    rebuild,
    restore,
    resume,
    sql,
    squash,
    status,
    verify,
)


class Commands(click.Group):
    """Send output to the terminal, and show a MigrationError as one sentence."""

    def invoke(self, ctx: click.Context) -> Any:
        app = ctx.ensure_object(ScriptInfo).load_app()
        with terminal(app):
            with app.app_context(), print_json() if "--json" in ctx.args else nullcontext():
                settings = Settings.from_app(app, ctx.params.get("directory"))
            with activate(settings):
                return self._invoke(ctx)

    def _invoke(self, ctx: click.Context) -> Any:
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
            *(_copy(command) for command in (*flask_migrate_group.commands.values(), *COMMANDS)),
            show_help,
        ],
        params=flask_migrate_group.params,
        callback=flask_migrate_group.callback,
        help="Make, apply and inspect migrations.\n\n`migrate` makes a revision (so does `new`, with more "
        "care); `upgrade` applies what is pending; `help` shows the documentation.",
    )
    del group.commands["list-templates"]  # there is one env.py, for any number of databases
    for made in ("migrate", "revision", "merge"):
        _wrap(group.commands[made], list_new_revisions)
    for read in ("branches", "current", "edit", "heads", "history", "merge", "show"):
        _wrap(group.commands[read], _check_files)
    _wrap(group.commands["history"], show_graph)
    group.commands["history"].params += graph_options()
    _wrap(group.commands["upgrade"], undo_foreign_revisions)
    group.commands["upgrade"].params.append(undo_foreign_option)
    group.commands["downgrade"].params.append(yes_option())
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


def _wrap(command: click.Command, wrapper: Callable[[Any], Any]) -> None:
    command.callback = wrapper(command.callback)
