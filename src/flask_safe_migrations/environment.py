"""Run migrations on the databases: the common path of ``flask db``, plain ``alembic``, code and tests."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import partial
from inspect import unwrap
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.util import CommandError
from click import ClickException
from sqlalchemy import Connection, Engine

from . import _compat, autogenerate, backends, output, readiness, runtime, settings
from .backends.base import Database
from .context import KEY, Comparison, RunContext
from .errors import MigrationError
from .revisions import files
from .runtime import applied, binds
from .runtime.checks import (
    mark_if_in_use,
    refuse_ambiguous_downgrade,
    refuse_relative,
    refuse_tables_without_revision,
)
from .runtime.errors import explain_broken_files, explain_offline_errors, one_sentence, report_databases
from .runtime.progress import Progress

# Safety depends on the transaction of a migration, so the application cannot override these options.
REFUSED = ("transactional_ddl", "transaction_per_migration", "connection", "url", "fn", "dialect_name")


class Environment:
    """Run the revisions of env.py on the databases of an application.

    Example of a migrations/env.py::

        environment = Environment(context, create_app, render_as_batch=True, compare_type=True)

        if context.is_offline_mode():
            environment.run_offline()
        else:
            environment.run_online()

    :param context: ``alembic.context``.
    :param create_app: the application factory, used by plain ``alembic``. If omitted, the application is
        located as the ``flask`` command does it.
    :param options: options for ``context.configure()``. Options of ``Migrate(app, db, …)`` take precedence.
    :raises MigrationError: if an option would break the transaction of a migration.
    """

    def __init__(self, context: Any, create_app: Callable[[], Any] | None = None, **options: Any) -> None:
        self.context = context
        self.config = context.config
        self.create_app = create_app
        self.options = options
        self.run = RunContext.of(self.config)

    def run_online(self) -> None:
        """Apply revisions, or compare the databases with the models."""
        self._run()

    def run_offline(self) -> None:
        """Print the SQL of the revisions (``--sql``). Nothing is changed."""
        self._run()

    def _run(self) -> None:
        autogenerate.configure_logging()
        from flask import current_app, has_app_context

        if has_app_context():
            self._run_in(current_app)
            return
        from .cli.terminal import terminal

        try:  # plain `alembic`
            app = self._load_app()
            with app.app_context(), terminal(app):
                self._run_in(app)
        except ClickException as error:
            raise CommandError(error.message) from error

    def _load_app(self) -> Any:
        from flask.cli import ScriptInfo, load_dotenv

        folder = Path(self.context.script.dir).parent
        for name in (".env", ".flaskenv"):
            if (folder / name).is_file():
                load_dotenv(folder / name)
        if self.create_app:
            return self.create_app()
        # `flask` reads the variable only for its option --app.
        return ScriptInfo(app_import_path=os.environ.get("FLASK_APP")).load_app()

    def _run_in(self, app: Any) -> None:
        with settings.activate(settings.Settings.from_app(app, self.context.script.dir)) as current:
            self.configured = self.options | dict(current.configure_args)
            for name in REFUSED:
                if name in self.configured:
                    raise MigrationError(
                        f"{name} is not yours to set: the library chooses it, so that a migration is applied "
                        "whole or not at all. Remove it from Migrate(…) and from migrations/env.py."
                    )
            if self.run.collected_options is not None:
                self.run.collected_options.update(self.configured)
                return
            with explain_broken_files(self.context.script), autogenerate.ignore_index_warnings():
                self._run_on_databases()

    def _run_on_databases(self) -> None:
        attributes, run = self.config.attributes, self.run
        if not (run.quiet or run.has_own_revisions):  # for a shadow database, the caller has checked this
            files.require_consistent(self.context.script)
        given: Connection | Engine | None = attributes.get("connection")
        if given is not None:
            self._run_on_given(given, backends.configured(attributes.get("bind_key")))
            return
        x = getattr(self.config.cmd_opts, "x", None)
        databases = [run.only] if run.only else binds.databases(x, self.configured)
        offline = self.context.is_offline_mode()
        if len(databases) > 1 and self._is_applying() and not offline:
            refuse_relative(self.context.script, databases, _compat.destination(self.context))
        for database in databases:
            if len(databases) > 1 and not offline:
                output.line(f"{binds.label(database)}: {database}")
            try:
                self._run_for(database, is_last=database is databases[-1])
            except MigrationError:
                if len(databases) > 1 and self._is_applying() and not offline:
                    report_databases(databases, database, self.context.script)
                raise

    def _run_for(self, database: Database, *, is_last: bool) -> None:
        if self.context.is_offline_mode():
            self._print_sql(database)
        elif self._is_comparing():
            # The models are compared with the revisions, whatever state the development database is in.
            given = self.run.shadows.get(database.bind)
            with runtime.shadow(database, self.context.script, given) as shadow:
                self.run.is_last = is_last
                self._run_on_database(shadow)
        else:
            self._run_on_database(database)

    def _run_on_given(self, given: Connection | Engine, database: Database) -> None:
        """For tests: run quietly on a connection or engine that the test provides."""
        with nullcontext(given) if isinstance(given, Connection) else given.connect() as connection:
            self._run_on(connection, database, Progress(database, self.context.script, quiet=True))

    def _print_sql(self, database: Database) -> None:
        context = self.context
        start: Any = context.get_starting_revision_argument() or "base"
        out = self.config.output_buffer or sys.stdout
        if label := binds.prefix(database):
            print(f"-- Database {label}{database}\n", file=out)
        prepare = partial(runtime.build, script=context.script, upto=start)
        options = self._configure_args(database)
        with one_sentence(database), database.render_offline(out, prepare) as rendering:
            context.configure(**options, **rendering)
            selected = binds.select_functions(self._requested_revisions(), database.bind)

            def revisions(heads: Any, migration: MigrationContext) -> list[Any]:
                if steps := selected(heads, migration):
                    write([applied.write_table_sql(database, migration.dialect)])
                return steps

            def record(*, ctx: MigrationContext, step: MigrationInfo, **_: Any) -> None:
                if not step.is_stamp:
                    write(applied.write_sql(database, context.script, step, ctx.dialect))

            def write(statements: Iterable[str]) -> None:
                for statement in statements:
                    out.write(f"{statement};\n\n")

            hooks = self._on_version_apply(record)
            context.configure(**options | rendering | {"fn": revisions, "on_version_apply": hooks})
            with explain_offline_errors(context.script), context.begin_transaction():
                context.run_migrations()

    def _run_on_database(self, database: Database) -> None:
        applies = self._is_applying()
        quiet = not applies or self.run.quiet
        progress = Progress(database, self.context.script, quiet=quiet)
        with one_sentence(database):
            if applies and not progress.quiet:  # a shadow database already exists
                database.prepare()
            if applies or self._is_comparing():
                database.create_version_schema()
            if applies:
                with nullcontext(False) if database.is_private else database.lock() as progress.waited:
                    database.run_with_retries(partial(self._run_on_own_connection, database, progress))
                    progress.conclude()
                    if not progress.quiet:
                        mark_if_in_use(database)
                        self._remember(database, progress)
            elif database.is_private or database.exists():
                self._run_on_own_connection(database, progress)
            else:
                raise MigrationError(f"{database} does not exist yet: `flask db upgrade` makes it.")

    def _remember(self, database: Database, progress: Progress) -> None:
        """Record that the database is at head, so that the next `flask db upgrade` need not load Alembic."""
        heads = self.context.script.get_heads()
        if len(heads) != 1 or progress.after != set(heads) or progress.warned:
            return
        if database.bind is None and self.run.only is None:
            table, folders = database.applied_table, files.folders(self.context.script)
            readiness.remember_at_head(settings.active(), heads[0], table, progress.recorded, folders)

    def _run_on_own_connection(self, database: Database, progress: Progress) -> None:
        limits = database.statement_limits() if self._is_applying() else None
        with database.connect(limits) as connection, self.run.recorder(connection):
            connection.rollback()  # a listener of the application may have begun a transaction
            self._run_on(connection, database, progress)

    def _run_on(self, connection: Connection, database: Database, progress: Progress) -> None:
        """Run on this connection. If it is already in a transaction, its owner keeps control of it."""
        context = self.context
        with one_sentence(database, progress):
            if connection.in_transaction():
                self._configure(connection, database, progress)
                with database.on_foreign_transaction(connection):
                    context.run_migrations()
                return
            # A command that only reads must not touch what another process has written during its migration.
            writes = self._is_applying() or self._is_comparing()
            with database.migration_session(connection) if writes else nullcontext():
                # Execute nothing before this: Alembic would treat an open transaction as one of the caller.
                self._configure(connection, database, progress)
                with context.begin_transaction():
                    if self._is_applying():
                        progress.waited |= database.begin_migration(context.get_context())
                    context.run_migrations()

    def _is_applying(self) -> bool:
        """Return whether this is `upgrade`, `downgrade` or `stamp`: only these have a destination."""
        try:
            self.context.get_revision_argument()
        except CommandError:
            return True  # the command itself reports the unknown revision
        except KeyError:
            return False
        return True

    def _is_comparing(self) -> bool:
        """Return whether a revision is being generated from changes in the models."""
        return bool(getattr(self.config.cmd_opts, "autogenerate", False))

    def _requested_revisions(self) -> Callable[..., Any]:
        """Return the function that selects the revisions to run, without the wrapper for another database."""
        revisions: Callable[..., Any] = unwrap(self.context.get_context().opts["fn"])
        return revisions

    def _configure(self, connection: Connection, database: Database, progress: Progress) -> None:
        context = self.context
        options = self._configure_args(database) | {"connection": connection}
        context.configure(**options)
        # Call it again, now that Alembic's own function is available. `progress` watches what it yields.
        revisions = progress.watch(self._requested_revisions(), self._check_before_run)
        hooks = self._on_version_apply(progress.on_version_apply)
        context.configure(**options | {"fn": revisions, "on_version_apply": hooks})

    def _check_before_run(self, migration: MigrationContext) -> None:
        refuse_tables_without_revision(migration)
        if not self.run.quiet and str(_compat.destination(self.context)).startswith("-"):
            refuse_ambiguous_downgrade(self.context.script, migration.get_current_heads())

    def _configure_args(self, database: Database) -> dict[str, Any]:
        """Return the options for Alembic: the application's options, combined with the required ones."""
        given = dict(self.configured)
        binds.use_options(database, given)
        metadata = binds.metadata(database.bind)
        every_schema = given.get("include_schemas") is True
        include_name = autogenerate.include_name(database, metadata, every_schema=every_schema)
        filters = {
            "include_name": _both(given.pop("include_name", None), include_name),
            "include_object": _both(given.pop("include_object", None), autogenerate.include_object),
        }
        given.pop("autogenerate_plugins", None)
        # Server defaults are compared by a plugin, which reads this option.
        compares_defaults = given.pop("compare_server_default", True)
        return {
            # The defaults of Flask-Migrate, and options that the models require.
            "render_as_batch": True,
            "include_schemas": any(table.schema for table in metadata.tables.values()),
            **given,
            **filters,
            "target_metadata": metadata,
            KEY: Comparison(database, self.run.only is not None or self._is_comparing(), compares_defaults),
            "autogenerate_plugins": autogenerate.PLUGINS,
            "compare_type": _types_differ(given.get("compare_type", True)),
            "render_item": _render_item(given.get("render_item")),
            "process_revision_directives": partial(
                autogenerate.revise, database, hook=given.get("process_revision_directives")
            ),
            **database.options,
            **database.version_options,
        }

    def _on_version_apply(self, own: Callable[..., None]) -> Sequence[Callable[..., None]]:
        given = self.configured.get("on_version_apply") or ()
        return [own, *(given if isinstance(given, Sequence) else [given])]


def _both(given: Callable[..., bool] | None, own: Callable[..., bool]) -> Callable[..., bool]:
    """Return a filter that includes what both filters include."""
    if given is None:
        return own
    return lambda *arguments: own(*arguments) and given(*arguments)


def _types_differ(given: Any) -> Any:
    """Wrap `compare_type`. False disables the comparison; a function is called first and may return None."""
    if not callable(given):
        return autogenerate.types_differ if given else False

    def differ(*arguments: Any) -> bool:
        answer = given(*arguments)
        return autogenerate.types_differ(*arguments) if answer is None else bool(answer)

    return differ


def _render_item(given: Callable[..., Any] | None) -> Callable[..., Any]:
    def render(*arguments: Any) -> Any:
        answer = given(*arguments) if given else False
        return autogenerate.render_item(*arguments) if answer is False else answer

    return render
