"""The application. `flask`, web servers and tests call `create_app()`."""

from collections.abc import Mapping
from typing import Any

from flask import Flask

from . import cli, config, database, logs, models, web


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Create the application. `settings` override all others and are meant for tests."""
    app = Flask(__name__, instance_path=str(config.INSTANCE))
    logs.init_app(app)
    config.init_app(app, settings or {})
    models.load()
    database.init_app(app)
    web.init_app(app)
    cli.init_app(app)
    return app
