"""Build Alembic's ``Config`` for an application from alembic.ini, if it exists, and ``[tool.alembic]``."""

import argparse
import configparser
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from flask import g
from flask_migrate import Config

from .errors import MigrationError


def make_config(directory: Path, x_arg: Any, flags: Iterable[str]) -> Config:
    """Return Flask-Migrate's config, with `flags` and -x arguments set as on a command line."""
    refuse_stock_env(directory / "env.py")
    ini = directory / "alembic.ini"
    config = Config(str(ini))
    try:
        # ConfigParser interpolates the value, so % has to be escaped.
        config.set_main_option("script_location", str(directory).replace("%", "%%"))
        config.get_main_option("file_template")
    except configparser.InterpolationError as error:
        raise MigrationError(f"{_name(ini)}: in file_template, a percent sign is written as %%.") from error
    except (configparser.Error, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise MigrationError(f"{_name(ini)} cannot be read: {reason}.") from error
    pyproject = directory.parent / "pyproject.toml"
    if _has_table(pyproject):
        # Used by both `flask db` and plain `alembic`.
        config.toml_file_name = str(pyproject)
    options = config.cmd_opts = config.cmd_opts or argparse.Namespace()
    for flag in flags:
        setattr(options, flag, True)
    if not hasattr(options, "x"):
        given = [x_arg] if isinstance(x_arg, str) else list(x_arg or ())
        options.x = [*(g.get("x_arg") or ()), *given]
    return config


def refuse_stock_env(file: Path) -> None:
    """Raise MigrationError if env.py runs revisions without this library, and so without lock and checks."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    if "run_migrations(" in text and "flask_safe_migrations" not in text:
        raise MigrationError(
            f"{file.parent.name}/env.py runs revisions without flask-safe-migrations, so without its lock "
            "and its checks, and nothing was done: `flask db init --replace` puts this library's in its "
            "place, and keeps yours as env.py.old."
        )


def _name(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"


def _has_table(pyproject: Path) -> bool:
    try:
        with pyproject.open("rb") as file:
            return "alembic" in tomllib.load(file).get("tool", {})
    except (OSError, tomllib.TOMLDecodeError):
        return False
