"""What `flask db` can do beyond Flask-Migrate: one file per verb."""

from pathlib import Path
from typing import Any

import click
from alembic.config import Config
from flask import Flask
from flask_migrate import Migrate
from flask_migrate.cli import db as flask_migrate_commands
from flask_sqlalchemy import SQLAlchemy

from ..history import binds, losses
from .adopt import adopt
from .backup import backup
from .browse import browse
from .diagram import diagram
from .foreign import asking
from .foreign import option as foreign_option
from .listed import listed
from .new import new
from .rebase import rebase
from .rebuild import rebuild
from .restore import restore
from .sql import sql
from .squash import squash
from .status import status
from .verify import verify

VERBS = (adopt, backup, browse, diagram, new, rebase, rebuild, restore, sql, squash, status, verify)
ROOT = Path(__file__).resolve().parent.parent.parent

commands = click.Group(
    "db",
    commands=flask_migrate_commands.commands | {verb.name: verb for verb in VERBS},
    params=flask_migrate_commands.params,
    callback=flask_migrate_commands.callback,
    help="Make, apply and inspect migrations.\n\n`migrate` makes a revision (so does `new`, with more care); "
    "`upgrade` applies what is pending.",
)
for command in commands.commands.values():
    command.params.append(binds.option())
    if not any("--verbose" in option.opts for option in command.params):
        command.params.append(
            click.Option(
                ["--verbose"], is_flag=True, expose_value=False, help="Show the traceback of an error."
            )
        )
for name in ("migrate", "revision", "merge"):
    commands.commands[name].callback = listed(commands.commands[name].callback)
upgrade: Any = commands.commands["upgrade"]
upgrade.callback = asking(upgrade.callback)
upgrade.params.append(foreign_option)
downgrade = commands.commands["downgrade"]
downgrade.params.append(losses.option)
downgrade.context_settings = {"ignore_unknown_options": True}  # `flask db downgrade -2` means a revision


def init_app(app: Flask, db: SQLAlchemy) -> None:
    # The folder goes through ConfigParser, for which % is special.
    migrate = Migrate(app, db, directory=str(ROOT / "migrations").replace("%", "%%"))
    migrate.configure(_read_pyproject)
    app.cli.add_command(commands)


def take_over(app: Flask) -> None:
    """For an application that says Migrate(app, db) itself: the commands of this folder instead."""
    init_app(app, app.extensions["migrate"].db)


def _read_pyproject(config: Config) -> Config:
    """`[tool.alembic]` serves `flask db` as it serves plain `alembic`."""
    config.toml_file_name = str(ROOT / "pyproject.toml")
    return config
