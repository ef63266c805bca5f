"""``Migrate`` registers ``flask db``. Alembic and Flask-Migrate are loaded on first use."""

import atexit
import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import click

from .settings import find_directory

# `flask db upgrade` and its equivalents.
UPGRADES = (["upgrade"], ["upgrade", "head"], ["upgrade", "heads"])


class Migrate:
    """Flask-Migrate's extension, with the commands of this library in ``flask db``.

    It accepts the arguments of ``flask_migrate.Migrate``::

        db = SQLAlchemy(metadata=MetaData(naming_convention=NAMING_CONVENTION))
        migrate = Migrate()

        def create_app():
            app = Flask(__name__)
            db.init_app(app)
            migrate.init_app(app, db)
            return app

    :param app: the application. If omitted, call :meth:`init_app` later.
    :param db: the Flask-SQLAlchemy extension.
    :param directory: the folder of env.py. A relative path is searched next to the application's package,
        then in the folders above it, then in the working directory.
    :param command: the name of the command group.
    :param compare_type: whether to compare types, or a comparison function, as in Alembic.
    :param render_as_batch: whether revisions change tables with ``op.batch_alter_table()``. SQLite requires
        it.
    :param pending_page: whether the application, in debug mode, answers with a page while a database and the
        code do not fit together: `flask db help development`. Nothing is installed outside debug mode.
    :param kwargs: further options for Alembic's ``context.configure()``, such as ``include_object``,
        ``version_table`` or ``compare_server_default``. They override those of :class:`Environment`.
    """

    def __init__(
        self,
        app: Any = None,
        db: Any = None,
        directory: Any = "migrations",
        command: str = "db",
        compare_type: Any = None,
        render_as_batch: bool | None = None,
        pending_page: bool = False,
        **kwargs: Any,
    ) -> None:
        self.configure_callbacks: list[Callable[[Any], Any]] = []
        self.db = db
        self.command = command
        self.directory = str(directory)
        self.pending_page = pending_page
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
        pending_page: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Register the command group, and the state that ``flask_migrate.upgrade()`` reads.

        The parameters are those of :class:`Migrate`.
        """
        self.db = db or self.db
        self.command = command or self.command
        self.directory = str(directory or self.directory)
        self.alembic_ctx_kwargs |= kwargs | _given(compare_type, render_as_batch)
        app.extensions["migrate"] = Registration(self, app)
        app.cli.add_command(LazyGroup(self.command, help="Make, apply and inspect migrations."))
        if (self.pending_page if pending_page is None else pending_page) and app.debug:
            from .pending_page import install

            install(app)

    def configure(self, callback: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Register a function to run before each command. It receives and returns Alembic's ``Config``.

        Use it as a decorator::

            @migrate.configure
            def set_option(config):
                config.set_main_option("timezone", "UTC")
                return config
        """
        self.configure_callbacks.append(callback)
        return callback

    def call_configure_callbacks(self, config: Any) -> Any:
        for callback in self.configure_callbacks:
            config = callback(config)
        return config

    def get_config(self, directory: Any = None, x_arg: Any = None, opts: Any = None) -> Any:
        """Return Alembic's ``Config`` for the current application.

        :param directory: the folder of env.py. The default is the folder passed to :class:`Migrate`.
        :param x_arg: the ``-x`` arguments, as on the command line of ``alembic``.
        :param opts: names of options to set, as Flask-Migrate does it.
        """
        from flask import current_app

        from .configuration import make_config

        found = find_directory(current_app, str(directory or self.directory))
        return self.call_configure_callbacks(make_config(found, x_arg, opts or ()))


def _given(compare_type: Any, render_as_batch: bool | None) -> dict[str, Any]:
    """Return the options that were passed. All others keep their value in env.py."""
    options = {"compare_type": compare_type, "render_as_batch": render_as_batch}
    return {name: value for name, value in options.items() if value is not None}


class Registration:
    """The value of ``app.extensions["migrate"]``. Flask-Migrate's functions and old env.py files read it."""

    def __init__(self, migrate: Migrate, app: Any) -> None:
        self.migrate = migrate
        self.db = migrate.db
        self.configure_args = dict(migrate.alembic_ctx_kwargs)
        self.directory = migrate.directory

    @property
    def metadata(self) -> Any:
        return self.db.metadata


class LazyGroup(click.Command):
    """A placeholder for the command group that loads it when it is called."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        # Collecting the imported modules at exit would take half of the time of a short command.
        atexit.register(gc.freeze)
        if args in UPGRADES and (report := _quick_look(parent)):
            done = click.Command(self.name, callback=lambda: _print(report))
            return done.make_context(info_name, [], parent, **extra)
        from .cli import make_group

        return make_group(self.name).make_context(info_name, args, parent, **extra)


def _print(report: str) -> None:
    if sys.stdout.isatty():
        from .formatting import format_for

        report = format_for(sys.stdout, report)
    click.echo(report)


def _quick_look(parent: click.Context | None) -> str | None:
    """Return the report of an upgrade that has nothing to do. None if only a complete run can decide that."""
    from flask.cli import ScriptInfo
    from sqlalchemy.exc import SQLAlchemyError

    from .errors import MigrationError
    from .readiness import nothing_to_do

    app = (parent or click.get_current_context()).ensure_object(ScriptInfo).load_app()
    with suppress(SQLAlchemyError, MigrationError, OSError), app.app_context():
        return nothing_to_do(app)
    return None
