"""Read the state of the databases with Alembic: a complete check, when the quick one has found something."""

import logging
import re
from pathlib import Path
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from .. import _compat, runtime, settings
from ..api import upgrade
from ..backends.base import Database
from ..errors import MigrationError, first_line
from ..revisions import files
from ..revisions.git import Git
from ..runtime import applied, binds, checks
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, stored_heads
from .details import DetailsReader
from .state import DatabaseState, Details, Kind, Revision, State

log = logging.getLogger("flask_safe_migrations")

SHOWN = 3  # revisions that are applied already
CREATED = re.compile(r"^Create Date: (\d{4}-\d\d-\d\d(?: \d\d:\d\d)?)", re.MULTILINE)
TITLE = re.compile(r'^[ru]*"""(.*?)(?:"""|\n|$)')


def version_folders() -> tuple[Path, ...]:
    """Return the folders with revisions."""
    return tuple(files.folders(ScriptDirectory.from_config(alembic_config())))


def read_state(details: DetailsReader | None = None) -> State:
    """Return the state of all databases of the active settings.

    :param details: finds out what the pending revisions do; None if that is not wanted.
    """
    try:
        script = _load_revisions()
        databases = binds.databases()
    except MigrationError as error:
        return State(problem=error.message)
    heads = script.get_heads()
    reader = details if len(heads) == 1 else None
    states = tuple(_read_database(database, script, reader) for database in databases)
    if len(heads) > 1 and any(state.kind is not Kind.CURRENT for state in states):
        try:
            checks.refuse_several_heads(script, "`flask db upgrade`")
        except MigrationError as error:
            revisions = [_revision(script.get_revision(name)) for name in heads]
            return State(states, error.message, tuple(revisions), _find_fork(script, heads))
    return State(states)


def apply_pending() -> str | None:
    """Apply the pending revisions to all databases; return one sentence if that fails."""
    try:
        upgrade()
    except MigrationError as error:
        return error.message
    except Exception as error:
        log.exception("The upgrade has failed.")
        return f"{type(error).__name__}: {_reason(error)}."
    return None


def _load_revisions() -> ScriptDirectory:
    """Return the revisions. An error in one of their files is reported with its name and line."""
    try:
        script = runtime.directory()
        script.get_heads()
    except MigrationError:
        raise
    except Exception as error:
        files.require_complete(ScriptDirectory.from_config(alembic_config()), load=True)
        raise MigrationError(f"The revisions cannot be loaded: {first_line(error)}.") from error
    return script


def _read_database(
    database: Database, script: ScriptDirectory, reader: DetailsReader | None
) -> DatabaseState:
    common: dict[str, Any] = {
        "label": binds.label(database),
        "bind": database.bind,
        "engine": database.title,
        "place": _describe_place(database),
        "version_table": database.version_table,
        "schema": database.version_table_schema,
    }
    try:
        with one_sentence(database):
            exists, heads = database.exists(), stored_heads(database)
    except MigrationError as error:
        return DatabaseState(**common, kind=Kind.UNREACHABLE, problem=error.message)
    except SQLAlchemyError as error:
        problem = f"{database} answers: {_reason(error)}."
        return DatabaseState(**common, kind=Kind.UNREACHABLE, problem=problem)
    common["heads"] = frozenset(heads)
    steps: list[Any] = []
    kind, problem = _find_problem(database, script, heads, exists=exists)
    if kind is Kind.UNKNOWN:
        unknown = heads - set(_compat.known_revisions(script))
        common |= _search(unknown, script)
    else:
        steps = _compat.upgrade_steps(script, "heads", tuple(heads))
        common["applied"] = _list_applied(script, heads)
    if steps and kind is Kind.CURRENT:
        kind = Kind.PENDING
    pending = [step.revision for step in steps]
    details = reader.read(database, script, heads, pending) if reader and pending else {}
    return DatabaseState(
        **common,
        kind=kind,
        problem=problem.replace(str(database), common["place"]),
        pending=tuple(_revision(revision, details.get(revision.revision)) for revision in pending),
        caution=database.why_not_development(settings.active().project_folder) or "",
        can_resume=kind is Kind.HALF_APPLIED and "`flask db upgrade`" in problem,
    )


def _find_problem(
    database: Database, script: ScriptDirectory, heads: set[str], *, exists: bool
) -> tuple[Kind, str]:
    """Return why an upgrade is not possible, and the sentence about it."""
    if not exists:
        return Kind.MISSING, ""
    kind = Kind.UNKNOWN
    try:
        with one_sentence(database):
            checks.refuse_unknown(database, script, heads)
            with database.connect() as connection:
                if sentence := database.explain_half_applied(connection):
                    return Kind.HALF_APPLIED, sentence
                kind = Kind.NO_REVISION
                options = {**database.version_options, "target_metadata": binds.metadata(database.bind)}
                checks.refuse_tables_without_revision(MigrationContext.configure(connection, opts=options))
    except MigrationError as error:
        return kind, error.message
    return Kind.CURRENT, ""


def _find_fork(script: ScriptDirectory, heads: list[str]) -> Revision | None:
    """Return the last revision that all heads have."""
    chains = [[each.revision for each in script.iterate_revisions(head, "base")] for head in heads]
    common = next((name for name in chains[0] if all(name in chain for chain in chains[1:])), None)
    return _revision(script.get_revision(common)) if common else None


def _describe_place(database: Database) -> str:
    if database.url.get_backend_name() != "sqlite":
        return str(database)
    return str(settings.active().relative(Path(database.name)))


def _search(unknown: set[str], script: ScriptDirectory) -> dict[str, Any]:
    """Return what is known about revisions without a file: copies of them, and branches of git."""
    git = Git(settings.active().project_folder)
    copies = {name: applied.find_copy(name) for name in sorted(unknown)}
    revisions = [
        Revision(name, _title(copy.read_text(encoding="utf-8")) if copy else "")
        for name, copy in copies.items()
    ]
    branches = [branch for name in copies for branch in git.find_branches(name, files.folders(script))]
    return {"applied": tuple(revisions), "branches": tuple(dict.fromkeys(branches))}


def _list_applied(script: ScriptDirectory, heads: set[str]) -> tuple[Revision, ...]:
    """Return the newest applied revisions, oldest first."""
    found = []
    for revision in script.iterate_revisions(tuple(heads), "base") if heads else ():
        found.append(_revision(revision))
        if len(found) == SHOWN:
            break
    return tuple(reversed(found))


def _revision(revision: Script, details: Details | None = None) -> Revision:
    path = Path(revision.path)
    created = CREATED.search(revision.module.__doc__ or "")
    return Revision(
        revision.revision,
        revision.doc or "",
        created[1] if created else "",
        path.name,
        path.stat().st_mtime_ns,
        details,
    )


def _title(source: str) -> str:
    found = TITLE.search(source)
    return found[1].strip() if found else ""


def _reason(error: Exception) -> str:
    return first_line(getattr(error, "orig", None) or error)
