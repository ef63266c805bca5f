"""The commands: `flask seed`, `flask shell`, and the door to migrations/.

The door imports the workflow at first use, so that a web worker loads neither Flask-Migrate nor Alembic.
"""

import atexit
import gc
from typing import Any

import click
from flask import Flask
from flask.cli import ScriptInfo, with_appcontext
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.local import LocalProxy

from .database import db
from .errors import SetupError


def init_app(app: Flask) -> None:
    app.cli.add_command(seed)
    app.shell_context_processor(_shell_context)
    open_the_door(app)  # without this line the application knows nothing of migrations


@click.command()
@with_appcontext
def seed() -> None:
    """Put the seed data into the database; rows that are there stay as they are."""
    from .seeds import seed

    try:
        seed()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).partition("\n")[0]
        raise SetupError(
            f"Seeding failed ({reason}): `make status` shows where the database stands."
        ) from error


def _shell_context() -> dict[str, Any]:
    base: Any = db.Model  # its type does not say that it has a registry
    return {"db": db} | {mapper.class_.__name__: mapper.class_ for mapper in base.registry.mappers}


def open_the_door(app: Flask) -> None:
    """Register `flask db`, and what `flask_migrate.upgrade()` looks up when code calls it."""
    app.cli.add_command(_Door("db", help="Make, apply and inspect migrations."))
    app.extensions["migrate"] = LocalProxy(lambda: _load_workflow(app).extensions["migrate"])


class _Door(click.Command):
    """Stands for the command group until it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        # Half of the time of a short command would go into collecting, at exit, what was imported.
        atexit.register(gc.freeze)
        app = (parent or click.get_current_context()).ensure_object(ScriptInfo).load_app()
        group = _load_workflow(app).cli.commands["db"]
        return group.make_context(info_name, args, parent, **extra)


def _load_workflow(app: Flask) -> Flask:
    """Put the real command group and extension in the place of those that stand for them."""
    try:
        from migrations.workflow import init_app
    except ModuleNotFoundError as error:
        if error.name not in {"migrations", "migrations.workflow"}:
            raise
        from flask_migrate import Migrate  # the workflow was deleted: plain Flask-Migrate remains

        Migrate(app, db)
    else:
        init_app(app, db)
    return app
