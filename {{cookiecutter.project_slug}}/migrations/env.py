"""The only door to the database for a migration: for `flask db`, manage.py, plain `alembic` and tests."""

import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from alembic import context
from alembic.util import CommandError
from click import ClickException
from flask import has_app_context
from sqlalchemy import Connection, Engine

from migrations import autogenerate, engines, history
from migrations.engines.base import Database
from migrations.engines.errors import MigrationError
from migrations.history import binds, marker, standing
from migrations.history.asked import is_applying, is_comparing, revisions_asked_for
from migrations.history.checks import refuse_tables_without_revision
from migrations.history.errors import one_sentence
from migrations.history.files import refuse_inconsistent
from migrations.history.progress import Progress

config = context.config


def options(database: Database) -> dict[str, Any]:
    """What Alembic is told, online and offline alike."""
    metadata = binds.metadata(database.bind)
    return {
        "target_metadata": metadata,
        # For the comparisons in autogenerate/, which ask how the engine words things.
        "database": database,
        "is_shadow": "database" in config.attributes or is_comparing(),
        "autogenerate_plugins": autogenerate.PLUGINS,
        "compare_type": autogenerate.types_differ,
        "include_schemas": any(table.schema for table in metadata.tables.values()),
        "include_name": autogenerate.include_name(database, metadata),
        "include_object": autogenerate.include_object,
        "render_item": autogenerate.render_item,
        "process_revision_directives": partial(autogenerate.revise, database),
        **database.options,
    }


def run_offline(database: Database) -> None:
    """`--sql`: print what would run."""
    start: Any = context.get_starting_revision_argument() or "base"
    if told := binds.told(database):
        print(f"-- Database {told}{database}\n", file=config.output_buffer or sys.stdout)
    prepare = partial(history.build, script=context.script, upto=start)
    with one_sentence(database), database.rendering(config.output_buffer or sys.stdout, prepare) as rendering:
        context.configure(**options(database), **rendering)
        context.configure(
            **options(database), **rendering, fn=binds.choosing(revisions_asked_for(), database.bind)
        )
        with context.begin_transaction():
            context.run_migrations()


def run_online(database: Database) -> None:
    """Apply revisions, or compare the database with the models, on a connection of our own."""
    applies = is_applying()
    progress = Progress(database, context.script, quiet=not applies or "quiet" in config.attributes)
    with one_sentence(database):
        if applies:
            if not progress.quiet:  # a throwaway database is there
                database.prepare()
            with database.lock() as progress.waited:
                database.persist(partial(run_on_own_connection, database, progress))
                progress.conclude()
                if not progress.quiet:
                    marker.keep(database)
        elif database.exists():
            run_on_own_connection(database, progress)
        else:
            raise MigrationError(f"{database} does not exist yet: `make migrate` makes it.")


def run_on_own_connection(database: Database, progress: Progress) -> None:
    recorder = config.attributes.get("recorder", nullcontext)
    limits = database.limits() if is_applying() else None
    with database.connect(limits) as connection, recorder(connection):
        connection.rollback()  # what a listener of the application may have begun
        run_on(connection, database, progress)


def run_on(connection: Connection, database: Database, progress: Progress) -> None:
    """Run on this connection; one that is in a transaction already stays in the hands of its owner."""
    with one_sentence(database, progress):
        if connection.in_transaction():
            configure(connection, database, progress)
            with database.watching(connection):
                context.run_migrations()
            return
        # Who only reads must not touch what another process has laid down while it migrates.
        with database.migrating(connection) if is_applying() or is_comparing() else nullcontext():
            # Before this nothing may run on it: Alembic would take the transaction for somebody else's.
            configure(connection, database, progress)
            with context.begin_transaction():
                if is_applying():
                    progress.waited |= database.begin(context.get_context())
                context.run_migrations()


def configure(connection: Connection, database: Database, progress: Progress) -> None:
    settings = options(database) | {"connection": connection}
    context.configure(**settings)
    # Once more, now that Alembic's own function can be asked for: `progress` watches what it yields.
    revisions = progress.watch(revisions_asked_for(), refuse_tables_without_revision)
    context.configure(**settings, fn=revisions, on_version_apply=progress.on_version_apply)


def run() -> None:
    if "quiet" not in config.attributes:  # who builds a throwaway database has looked
        refuse_inconsistent(Path(context.script.versions))
    given: Connection | Engine | None = config.attributes.get("connection")
    if given is not None:
        run_on_given(given, engines.configured(config.attributes.get("bind_key")))
        return
    one: Database | None = config.attributes.get("database")
    databases = [one] if one else binds.databases(getattr(config.cmd_opts, "x", None))
    for database in databases:
        if len(databases) > 1 and not context.is_offline_mode():
            context.config.print_stdout(f"{binds.label(database)}: {database}")
        try:
            run_for(database, is_last=database is databases[-1])
        except MigrationError:
            if len(databases) > 1 and is_applying() and not context.is_offline_mode():
                standing.tell(databases, database, context.script)
            raise


def run_for(database: Database, *, is_last: bool) -> None:
    if context.is_offline_mode():
        run_offline(database)
    elif is_comparing():
        # The models are compared with the history; what the development database holds plays no part.
        shadows = config.attributes.get("shadows", {})
        with history.shadow(database, context.script, shadows.get(database.bind)) as shadow:
            config.attributes["is_last"] = is_last
            run_online(shadow)
    else:
        run_online(database)


def run_on_given(given: Connection | Engine, database: Database) -> None:
    """For tests: a database of theirs, in which all is quiet."""
    with nullcontext(given) if isinstance(given, Connection) else given.connect() as connection:
        run_on(connection, database, Progress(database, context.script, quiet=True))


if has_app_context():
    run()
else:  # plain `alembic`
    from {{ cookiecutter.package_name }} import create_app
    from {{ cookiecutter.package_name }}.config import load_dotenv

    load_dotenv()
    try:
        with create_app().app_context():
            run()
    except ClickException as error:
        raise CommandError(error.message) from error
