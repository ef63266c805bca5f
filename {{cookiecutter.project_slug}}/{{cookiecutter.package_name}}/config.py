"""Load the settings, and reject insecure ones in production.

Each source overrides the previous one: the defaults; the environment (in development also `.env` and
`.flaskenv`); the file named by SETTINGS; the argument of `create_app()`.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dotenv
from flask import Flask
from flask_safe_migrations import MigrationError
from flask_safe_migrations.urls import parse_url
from sqlalchemy import URL

from . import development, production
from .errors import SetupError

ROOT = Path(__file__).resolve().parent.parent
INSTANCE = ROOT / "instance"
DEFAULT_DATABASE_URL = "{{ cookiecutter.__database_url }}"


def load_dotenv() -> None:
    """Read `.env` and `.flaskenv` of the project, as `flask` does inside the project."""
    for name in (".env", ".flaskenv"):
        dotenv.load_dotenv(ROOT / name)


def init_app(app: Flask, settings: Mapping[str, Any]) -> None:
    app.config.from_mapping(
        DATABASE_URL=os.environ.get("DATABASE_URL") or DEFAULT_DATABASE_URL,
        # The server itself, for migrations, if DATABASE_URL is the address of a connection pooler.
        MIGRATION_DATABASE_URL=os.environ.get("MIGRATION_DATABASE_URL"),
        # An empty shadow database for `flask db new`, if the user may not create databases.
        SHADOW_DATABASE_URL=os.environ.get("SHADOW_DATABASE_URL"),
        # Messages suggest the targets of the Makefile.
        MIGRATION_COMMANDS="make",
        SECRET_KEY=os.environ.get("SECRET_KEY"),
        # More databases, as JSON, by the value of a model's __bind_key__.
        SQLALCHEMY_BINDS=os.environ.get("SQLALCHEMY_BINDS"),
        **production.defaults(served=not app.debug and not settings.get("TESTING")),
    )
    _read_settings_file(app)
    if {"DATABASE_URL", "SQLALCHEMY_DATABASE_URI"} & settings.keys():
        app.config["MIGRATION_DATABASE_URL"] = None  # it belongs to another database than the one passed in
    app.config.from_mapping(settings)

    url = app.config.get("SQLALCHEMY_DATABASE_URI") or app.config["DATABASE_URL"]
    app.config["SQLALCHEMY_DATABASE_URI"] = _parse(url, "DATABASE_URL")
    for name in ("MIGRATION_DATABASE_URL", "SHADOW_DATABASE_URL"):
        if other := app.config[name]:
            app.config[name] = _parse(other, name)
    app.config["SQLALCHEMY_BINDS"] = _binds(app.config["SQLALCHEMY_BINDS"])
    if app.debug:
        development.prepare(app, is_default=url == DEFAULT_DATABASE_URL)
    elif not app.testing:
        production.check(app)


def _parse(url: str | URL, setting: str) -> URL:
    try:
        return parse_url(url, ROOT, setting)
    except MigrationError as error:
        raise SetupError(str(error)) from error


def _binds(setting: Any) -> dict[str, dict[str, Any]]:
    """Return the options of each bind for Flask-SQLAlchemy: a dictionary with "url" and engine options."""
    try:
        binds = json.loads(setting) if isinstance(setting, str) else dict(setting or {})
        with_options = {name: v if isinstance(v, dict) else {"url": v} for name, v in binds.items()}
        return {
            name: {**options, "url": _parse(options["url"], f"SQLALCHEMY_BINDS, {name},")}
            for name, options in with_options.items()
        }
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise SetupError(
            'SQLALCHEMY_BINDS takes names with URLs, such as {"log": "sqlite:///instance/log.db"}.'
        ) from error


def _read_settings_file(app: Flask) -> None:
    if not (name := os.environ.get("SETTINGS")):
        return
    path = Path(name).resolve()
    try:
        app.config.from_pyfile(path)
    except Exception as error:  # the file is Python code, which can raise anything
        raise SetupError(f"SETTINGS names {path}, which cannot be read: {error}") from error
