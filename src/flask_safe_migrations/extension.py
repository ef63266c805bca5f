"""``Migrate``: registers ``flask db``. Alembic and Flask-Migrate are loaded at first use only."""

import atexit
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from .settings import find_directory

# `flask db upgrade` and what means the same.
UPGRADES = (["upgrade"], ["upgrade", "head"], ["upgrade", "heads"])


class Migrate:
    """Flask-Migrate's extension, with this library's commands behind ``flask db``.

    Takes what ``flask_migrate.Migrate`` takes::

        db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
        migrate = Migrate()

        def create_app():
            app = Flask(__name__)
            db.init_app(app)
            migrate.init_app(app, db)
            return app

    :param app: the application; without one call :meth:`init_app` later.
    :param db: the Flask-SQLAlchemy extension.
    :param directory: the folder of env.py; a relative one is looked for beside the application's package and
        above it, then in the working directory.
    :param command: the name of the command group.
    :param compare_type: whether types are compared, or a function that says so; as in Alembic.
    :param render_as_batch: whether a revision changes tables inside ``op.batch_alter_table()``, which SQLite
        needs.
    :param kwargs: further options for Alembic's ``context.configure()``, such as ``include_object``,
        ``version_table`` or ``compare_server_default``. They win over those of :class:`Environment`.
    """

    def __init__(
        self,
        app: Any = None,
        db: Any = None,
        directory: Any = "migrations",
        command: str = "db",
        compare_type: Any = None,
        render_as_batch: bool | None = None,
        **kwargs: Any,
    ) -> None:
        self.configure_callbacks: list[Callable[[Any], Any]] = []
        self.db = db
        self.command = command
        self.directory = str(directory)
        self.alembic_ctx_kwargs = kwargs | _given(compare_type, render_as_batch)
        if app is not None and db is not None:
            self.init_app(app, db)

    def init_app(
        self,
        app: Any,
        db: Any = None,
        directory: Any = None,
        command: str | None = None,
        compare_type: Any = None,
        render_as_batch: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Register the command group and what ``flask_migrate.upgrade()`` looks up when code calls it."""
        self.db = db or self.db
        self.command = command or self.command
        self.directory = str(directory or self.directory)
        self.alembic_ctx_kwargs |= kwargs | _given(compare_type, render_as_batch)
        app.extensions["migrate"] = Registration(self, app)
        app.cli.add_command(LazyGroup(self.command, help="Make, apply and inspect migrations."))

    def configure(self, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Register a function that takes and returns Alembic's ``Config``, before each command."""
        self.configure_callbacks.append(callback)
        return callback

    def call_configure_callbacks(self, config: Any) -> Any:
        for callback in self.configure_callbacks:
            config = callback(config)
        return config

    def get_config(self, directory: Any = None, x_arg: Any = None, opts: Any = None) -> Any:
        """Return Alembic's ``Config`` for the current application."""
        from flask import current_app

        from .configuration import make_config

        found = find_directory(current_app, str(directory or self.directory))
        return self.call_configure_callbacks(make_config(found, x_arg, opts or ()))


def _given(compare_type: Any, render_as_batch: bool | None) -> dict[str, Any]:
    """What is not said here stays as env.py has it."""
    options = {"compare_type": compare_type, "render_as_batch": render_as_batch}
    return {name: value for name, value in options.items() if value is not None}


class Registration:
    """What ``app.extensions["migrate"]`` holds; Flask-Migrate's functions and old env.py files ask it."""

    def __init__(self, migrate: Migrate, app: Any) -> None:
        self.migrate = migrate
        self.db = migrate.db
        self.configure_args = dict(migrate.alembic_ctx_kwargs)
        self.directory = migrate.directory

    @property
    def metadata(self) -> Any:
        return self.db.metadata


class LazyGroup(click.Command):
    """Stands for the command group until it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        # Half of the time of a short command would go into collecting, at exit, what was imported.
        atexit.register(gc.freeze)
        if args in UPGRADES and (report := _quick_look(parent)):
            done = click.Command(self.name, callback=lambda: click.echo(report))
            return done.make_context(info_name, [], parent, **extra)
        from .cli import make_group

        return make_group(self.name).make_context(info_name, args, parent, **extra)


def _quick_look(parent: click.Context | None) -> str | None:
    """Return the report of an upgrade that has nothing to do; None where only a complete run can tell."""
    from flask.cli import ScriptInfo
    from sqlalchemy.exc import SQLAlchemyError

    from .errors import MigrationError
    from .readiness import nothing_to_do

    app = (parent or click.get_current_context()).ensure_object(ScriptInfo).load_app()
    with suppress(SQLAlchemyError, MigrationError, OSError), app.app_context():
        return nothing_to_do(app)
    return None
