"""Reports each error of a migration in one sentence, with the command to run next.

After an error with several databases, the revision of each one is reported, too.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic.script import ScriptDirectory
from alembic.script.revision import MultipleHeads, ResolutionError
from alembic.util import CommandError
from sqlalchemy.exc import CompileError, DBAPIError

from .. import _compat, output
from ..backends.base import Database
from ..backends.escaping import undouble_percents
from ..errors import MigrationError, describe_database_error, find_line, first_line
from ..revisions import files
from . import binds
from .checks import refuse_several_heads
from .heads import alembic_config, describe, read_heads, unknown_revision
from .progress import Progress

# What Alembic (SQLite), PostgreSQL and MariaDB say of a constraint that is to be dropped.
NO_CONSTRAINT = re.compile(r"No such constraint|constraint \S+ .*does not exist|Can't DROP")
NOT_BELOW = re.compile(r"Destination (\S+) is not a valid downgrade target")
RELATIVE = re.compile(r"Relative revision ([+-])\d+ didn't produce \d+ migrations")


class IrreversibleError(MigrationError):
    """A downgrade raises NotImplementedError, with the reason why it takes nothing back."""


@contextmanager
def one_sentence(database: Database, progress: Progress | None = None) -> Iterator[None]:
    """Convert errors of the database, of Alembic or of a revision to MigrationError."""
    try:
        yield
    except MigrationError:
        raise
    except Exception as error:
        if message := _explain(error, database, progress):
            is_downgrade = progress and progress.current and not progress.current.is_upgrade
            if isinstance(error, NotImplementedError) and is_downgrade:
                raise IrreversibleError(message) from error
            raise MigrationError(message) from error
        raise
    except KeyboardInterrupt as error:
        if progress and progress.current:
            path = Path(progress.current.revision.path)
            raise KeyboardInterrupt(_explain_interrupt(path, database, quiet=progress.quiet)) from error
        raise


def _explain_interrupt(path: Path, database: Database, *, quiet: bool) -> str:
    """Return what state is left by a revision that Ctrl-C has stopped."""
    if quiet:
        return (
            f"Interrupted in {path.name}, on a shadow database: the database of the application is unchanged."
        )
    return f"Interrupted in {path.name}. {database.after_failure}."


def _explain(error: Exception, database: Database, progress: Progress | None) -> str | None:
    if isinstance(error, DBAPIError) and (explained := database.explain_error(error)):
        return explained
    if isinstance(error, CommandError):  # another migration may have changed it
        database.confirm_lock()
    if progress and progress.current:
        path = Path(progress.current.revision.path)
        if isinstance(error, NotImplementedError) and not progress.current.is_upgrade:
            return (
                f"Revision {path.name} cannot be taken back: {first_line(error)}. {database.after_failure}."
            )
        cause = _describe_cause(error, path, database)
        advice = "fix the file and try again"
        if NO_CONSTRAINT.search(cause) and not progress.quiet:
            advice += "; or, if the naming convention is newer than this database, run `flask db adopt`"
        return f"Revision {path.name} failed: {cause}. {database.after_failure}; {advice}."
    if isinstance(error, AttributeError) and error.name in {"upgrade", "downgrade"}:  # of a revision's module
        path = Path(str(getattr(error.obj, "__file__", "")))
        return f"{path.name} has no {error.name}(): write one."
    is_ambiguous = "Ambiguous walk" in str(error)
    if isinstance(error.__cause__, MultipleHeads) or is_ambiguous:
        refuse_several_heads(ScriptDirectory.from_config(alembic_config()), "`flask db upgrade`")
    if is_ambiguous and progress:
        return (
            f"{database} is at {describe(progress.script, progress.after)}, and a revision on the way back "
            "joins two others: name the one to go back to (`flask db downgrade REV`; `flask db history` "
            "lists them). Nothing was changed."
        )
    if isinstance(error.__cause__, ResolutionError):
        known_to_database = progress is not None and error.__cause__.argument in progress.before
        script = progress.script if progress else ScriptDirectory.from_config(alembic_config())
        return unknown_revision(error.__cause__.argument, database if known_to_database else None, script)
    if progress and isinstance(error, CommandError) and (match := RELATIVE.match(str(error))):
        return _explain_relative(database, progress, upgrade=match[1] == "+")
    if progress and isinstance(error, CommandError) and (match := NOT_BELOW.match(str(error))):
        place = describe(progress.script, progress.after)
        return (
            f"{database} is at {place}, which does not come after {match[1]}, and was not changed: "
            "`flask db history` lists the revisions."
        )
    if isinstance(error, DBAPIError):
        return f"{database} answers: {describe_database_error(error.orig)}."
    return str(error) if isinstance(error, CommandError) else None


def _explain_relative(database: Database, progress: Progress, *, upgrade: bool) -> str:
    """Explain why there are not so many revisions to apply or to downgrade."""
    heads: Any = tuple(progress.after)
    if upgrade:
        count = len(_compat.upgrade_steps(progress.script, "heads", heads))
        return (
            f"{database} has only {count} pending revision{'s' * (count != 1)}: `flask db status` lists them."
        )
    if not heads:
        return f"{database} is empty: there is nothing to downgrade."
    count = len(list(progress.script.iterate_revisions(heads, "base")))
    return f"{database} has only {count} revision{'s' * (count != 1)}: `flask db downgrade base` empties it."


def _describe_cause(error: Exception, path: Path, database: Database) -> str:
    if isinstance(error, DBAPIError):
        statement = " ".join((error.statement or "").split())
        statement = undouble_percents(statement, database.url.get_dialect()())
        return f"{describe_database_error(error.orig)}, at: {statement[:200]}"
    line = find_line(error, path)
    location = f" in line {line}" if line else ""
    return f"{type(error).__name__}{location}: {first_line(error)}"


@contextmanager
def explain_broken_files(script: ScriptDirectory) -> Iterator[None]:
    """Convert an error to MigrationError if a revision file cannot be loaded. That is its reason."""
    try:
        yield
    except MigrationError:
        raise
    except Exception:
        files.require_complete(script, load=True)
        raise


@contextmanager
def explain_offline_errors(script: ScriptDirectory) -> Iterator[None]:
    """Convert the error of a revision that cannot be printed as SQL, mostly because it reads the database."""
    try:
        yield
    except MigrationError:
        raise
    except Exception as error:
        for path in files.paths(script):
            if line := find_line(error, path):
                raise MigrationError(f"{path.name}, line {line}: {_describe_offline_error(error)}") from error
        raise


def _describe_offline_error(error: Exception) -> str:
    if isinstance(error, CompileError):
        return f"this cannot be written as SQL: {first_line(error)}. Write it as text, with op.execute()."
    return f"{type(error).__name__}: {first_line(error)}; `flask db sql` runs without a connection."


def report_databases(databases: list[Database], failed: Database, script: ScriptDirectory) -> None:
    """Report the revision of each database after one of them has failed."""
    is_reached = True
    for database in databases:
        result = "failed" if database is failed else "done" if is_reached else "not reached"
        is_reached &= database is not failed
        output.notice(f"  {binds.label(database)}: {_describe_state(database, script)} ({result})")


def _describe_state(database: Database, script: ScriptDirectory) -> str:
    try:
        if not database.exists():
            return "does not exist"
        return f"at {describe(script, read_heads(database))}"
    except (DBAPIError, MigrationError):
        return "does not answer"
