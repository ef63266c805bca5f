"""`flask db verify --data`: whether rows of a database are in the way of its pending revisions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from .. import _compat, backends, runtime, settings
from ..backends.base import Database
from ..errors import MigrationError, UsageError
from ..runtime import binds
from ..runtime.checks import refuse_unknown
from ..runtime.errors import one_sentence
from ..runtime.preconditions import Changes, run_checks, split_checks
from ..runtime.rehearsal import rehearse
from .suite import Check, Problem


def check_rows(databases: list[Database], url: str) -> Iterator[Check]:
    """Check the rows of each database; yield one result for each, and change nothing.

    :param url: a database to check in the place of the configured one, such as a copy of production; or "".
    :raises MigrationError: if there is no such database, or it is at a revision that has no file.
    """
    if url and len(databases) > 1:
        raise UsageError("--data URL is one database: say with --bind in whose place it is checked.")
    script = runtime.directory()
    for configured in databases:
        database = _replace(configured, url) if url else configured
        with one_sentence(database):
            if not database.exists():
                raise MigrationError(f"{database} does not exist: there are no rows to check.")
            yield _check_database(database, script)


def _replace(configured: Database, url: str) -> Database:
    try:
        other = backends.of(make_url(url))
    except (ArgumentError, ValueError):  # SQLAlchemy's message contains the password
        raise UsageError("--data takes a database URL: postgresql://host/name.") from None
    if other.title != configured.title:
        raise MigrationError(f"--data {other} is {other.title}, and the revisions run on {configured.title}.")
    other.bind = configured.bind
    other.store_versions_in(configured.version_table, configured.version_table_schema)
    return other


def _check_database(database: Database, script: ScriptDirectory) -> Check:
    check = Check("rows", f"{binds.prefix(database)}no row is in the way of what is pending", True)
    changes = Changes()
    with database.connect() as connection:
        options: dict[str, Any] = {
            **database.options,
            **database.version_options,
            "target_metadata": binds.metadata(database.bind),
        }
        migration = MigrationContext.configure(connection, opts=options)
        heads = migration.get_current_heads()
        refuse_unknown(database, script, set(heads))
        steps = _compat.upgrade_steps(script, "heads", heads)
        for step in steps:
            name = Path(step.revision.path).name
            rehearsal = rehearse(step, database.bind, migration)
            ahead, later = split_checks(rehearsal.operations, changes, migration.dialect)
            found, skipped = run_checks(database, connection, ahead)
            path = Path(step.revision.path)
            check.add_problems([Problem(f"{name} cannot be applied: {rows}", path) for rows in found])
            check.notes += [f"{name}: {sentence}" for sentence in skipped]
            check.notes += [
                f"{name}: whether {each.problem} is checked while it runs, as rows or columns change before"
                for each in later
            ]
            if rehearsal.unknown:
                changes.any_row = True
                check.notes.append(f"{name}: what it does is known when it runs ({rehearsal.unknown})")
        connection.rollback()
    if not steps:
        check.notes.append("nothing is pending")
    if settings.active().row_check_timeout <= 0:
        check.notes.append("MIGRATION_ROW_CHECK_TIMEOUT is 0: an upgrade does not check rows")
    return check
