"""The pages. One module per group of pages, each with a blueprint."""

from flask import Flask

from .. import welcome
from . import errors, health, security


def init_app(app: Flask) -> None:
    security.init_app(app)
    errors.init_app(app)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(welcome.blueprint)
