"""Adopts a database: proves that it matches, gives its constraints the revisions' names, and stamps it."""

from itertools import groupby

from alembic import command
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from .. import output, runtime, safety
from ..backends.base import Database
from ..backends.constraints import ConstraintRename, constraint_renames
from ..context import RunContext
from ..errors import MigrationError, UsageError
from ..runtime import snapshots
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, describe, stored_heads
from .comparison import (
    Comparison,
    compare_at_head,
    compare_with_models,
    describe_differences,
    describe_unsupported,
    find_matching_revision,
)
from .models import NotMatchingError

MAX_LINES = 40
MATCHES = "The database matches, except for these names, which later revisions have to rely on:"


def check_database(
    database: Database, script: ScriptDirectory, ignore: tuple[str, ...], *, yes: bool, new: bool
) -> None:
    """Raise MigrationError if `adopt_at_head` would, because of more than names."""
    with runtime.shadow(database, script) as shadow:
        _compare(database, script, shadow, ignore, new=new)


def _compare(
    database: Database, script: ScriptDirectory, shadow: Database, ignore: tuple[str, ...], *, new: bool
) -> Comparison:
    if missing := safety.find_model_differences(shadow, script):
        raise MigrationError(
            f'The revisions do not match the models ({missing[0]}). Run `flask db new -m "…"` first.'
        )
    comparison = compare_with_models(database, script, shadow, ignore)
    if comparison.differences or comparison.extra_tables:
        _refuse(database, script, comparison, new=new)
    return comparison


def adopt_at_head(
    database: Database, script: ScriptDirectory, ignore: tuple[str, ...], *, yes: bool, new: bool
) -> None:
    """Adopt a database that matches the models at the newest revision; raises MigrationError.

    :param ignore: tables without a model that may stay.
    :param yes: rename constraints without asking.
    :param new: models and baseline have just been written from this database.
    """
    with runtime.shadow(database, script) as shadow:
        comparison = _compare(database, script, shadow, ignore, new=new)
        if comparison.renames:
            output.line(MATCHES)
            if not _confirm_renames(database, shadow, comparison.renames, yes=yes, new=new):
                return
            remaining = compare_with_models(database, script, shadow, ignore)
            if remaining.differences or remaining.renames:
                lines = [*remaining.differences, *map(str, remaining.renames)]
                raise MigrationError(
                    f"After renaming constraints, {database} still differs: {'; '.join(lines[:5])}."
                )
        _report_unsupported(database, shadow, ignore)
    _stamp(database, script, str(script.get_current_head()))


def refuse_differences(database: Database, script: ScriptDirectory) -> None:
    """Raise MigrationError if a database at head is not as the revisions create it."""
    with runtime.shadow(database, script) as shadow:
        if safety.find_model_differences(shadow, script):
            return  # `flask db new` comes first
        lines = compare_at_head(database, script, shadow).differences
    if lines:
        output.line(f"{database} is not as the revisions create it. A revision that removes the differences:")
        _report_lines(lines)
        raise MigrationError(
            f"{database} is at {describe(script, stored_heads(database))}, but it differs, because of a "
            "change by hand or another version of Alembic: write these changes into a revision "
            '(`flask db revision -m "…"`); in a new database they change nothing.'
        )


def match_names(database: Database, script: ScriptDirectory, heads: set[str], *, yes: bool) -> bool:
    """Give the constraints of a database with a revision the names that its revisions give them.

    They differ where the models got their naming convention later: a revision that drops a constraint by
    such a name runs on a shadow database, but not here. Return whether there were any.
    """
    with runtime.shadow_at(database, script, ",".join(sorted(heads))) as shadow:
        if renames := _find_renames(database, shadow):
            output.line(f"The revisions give these constraints of {database} other names:")
            _confirm_renames(database, shadow, renames, yes=yes)
    return bool(renames)


def _refuse(database: Database, script: ScriptDirectory, comparison: Comparison, *, new: bool) -> None:
    if comparison.differences:
        output.line(f"{database} differs from the models. A revision that removes the differences:")
        _report_lines(comparison.differences)
    if comparison.extra_tables:
        output.line("Tables that no model has:")
        _report_lines(comparison.extra_tables)
    if new:
        raise NotMatchingError("The models cannot express everything in this database: not adopted.")
    older = find_matching_revision(database, script)
    if older:
        advice = (
            f"It matches revision {describe(script, {older})}: run `flask db adopt --at {older}`, then "
            "`flask db upgrade`."
        )
    elif comparison.differences:
        advice = (
            "Change the models until they match and run `flask db new`, or change the database. Then run "
            "`flask db adopt` again."
        )
    else:
        ignored = " ".join(f"--ignore {output.quote(name)}" for name in comparison.extra_tables)
        advice = (
            "Write models for these tables, or ignore them if they do not belong to this application: "
            f"`flask db adopt {ignored}`."
        )
    raise MigrationError(f"Not adopted, and nothing was changed. {advice}")


def adopt_at_revision(database: Database, script: ScriptDirectory, at: str, *, yes: bool) -> None:
    """Adopt a database that has the schema of the revision `at`; raises MigrationError, UsageError."""
    revision = script.get_revision(at)
    if revision is None:
        raise UsageError(f"--at requires a revision, not {at}: `flask db history` lists them.")
    with runtime.shadow_at(database, script, revision.revision) as shadow:
        if lines := describe_differences(database, shadow):
            output.line(f"{database} does not match revision {describe(script, {revision.revision})}:")
            _report_lines(lines)
            raise MigrationError("Not adopted, and nothing was changed.")
        if renames := _find_renames(database, shadow):
            output.line(MATCHES)
            _confirm_renames(database, shadow, renames, yes=yes)
        _report_unsupported(database, shadow)
    _stamp(database, script, revision.revision)


def _find_renames(database: Database, shadow: Database) -> list[ConstraintRename]:
    with database.connect() as connection, shadow.connect() as shadow_connection:
        return constraint_renames(database.constraints(connection), shadow.constraints(shadow_connection))


def _confirm_renames(
    database: Database, shadow: Database, renames: list[ConstraintRename], *, yes: bool, new: bool = False
) -> bool:
    """Ask, then rename the constraints; return False if only the new models and baseline are kept."""
    _report_lines(list(map(str, renames)))
    if not yes and not output.reporter().confirm(f"Rename them in {database}? No row changes."):
        if new:
            output.line(
                "Models and baseline are written; the database is unchanged. Run `flask db adopt --yes`."
            )
            return False
        raise MigrationError(
            "Not renamed, and nothing was changed. Run `flask db adopt --yes` to rename them."
        )
    if database.cheap_snapshots:
        snapshots.take_and_report(database)
    rename_constraints(database, shadow, renames)
    output.line(f"Renamed {len(renames)}.")
    return True


def rename_constraints(database: Database, shadow: Database, renames: list[ConstraintRename]) -> None:
    """Give constraints the names that they have in `shadow`, under the migration lock; raises MigrationError.

    SQLite and PostgreSQL do it in one transaction. If it fails on MariaDB, what is renamed stays so, and
    the next run renames the rest.
    """
    tables = {rename.part.place for rename in renames}
    with database.lock():
        database.run_with_retries(lambda: _rename_in_tables(database, shadow, tables))


def _rename_in_tables(database: Database, shadow: Database, tables: set[str]) -> None:
    with (
        one_sentence(database),
        database.connect(database.statement_limits()) as connection,
        shadow.connect() as shadow_connection,
        database.migration_session(connection),
    ):

        def pending() -> list[ConstraintRename]:
            renames = constraint_renames(
                database.constraints(connection), shadow.constraints(shadow_connection)
            )
            return sorted((rename for rename in renames if _table(rename) in tables), key=_table)

        migration = MigrationContext.configure(connection, opts=dict(database.options))
        # SQLite's transaction is that of the whole run, PostgreSQL's that of one revision.
        with migration.begin_transaction(), migration.begin_transaction(_per_migration=True):
            database.begin_migration(migration)
            check_integrity = database.integrity_check(connection)
            for _, renames in groupby(pending(), key=_table):  # read under the lock
                database.rename_constraints(connection, shadow_connection, list(renames))
            if failed := pending():
                raise MigrationError(f"A constraint was not renamed: {failed[0]}. {database.after_failure}.")
            check_integrity()


def _table(rename: ConstraintRename) -> str:
    return rename.part.place


def _report_unsupported(database: Database, shadow: Database, ignore: tuple[str, ...] = ()) -> None:
    if lines := describe_unsupported(database, shadow, ignore):
        output.line(
            "The models do not include the following. It stays in this database; a database built from the "
            "revisions will not have it:"
        )
        _report_lines(lines)


def _stamp(database: Database, script: ScriptDirectory, revision: str) -> None:
    config = alembic_config()
    RunContext.of(config).only = database  # with several binds, only this one
    command.stamp(config, revision)
    if stored_heads(database) != {revision}:
        raise MigrationError(f"The revision {revision} was not stored in {database}: run the command again.")
    output.line(f"Adopted: {database} is at {describe(script, {revision})}.")


def _report_lines(lines: list[str]) -> None:
    for line in lines[:MAX_LINES]:
        output.line(f"  {line}")
    if len(lines) > MAX_LINES:
        output.line(f"  … and {len(lines) - MAX_LINES} more")
