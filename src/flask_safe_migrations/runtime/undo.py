"""Downgrades single revisions of a development database: your own before they move, or those of a branch."""

import shutil
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from .. import output
from ..backends.base import Database
from ..context import RunContext
from ..errors import MigrationError
from ..revisions.files import RevisionFile, parse_file
from . import binds, data_loss
from .applied import find_copy, read_rows
from .heads import alembic_config, stored_heads
from .owner import refuse_other_application
from .snapshots import take_and_report


def find_applied_files(database: Database, existing: list[RevisionFile]) -> list[RevisionFile] | None:
    """Return the files of all applied revisions, newest first, or None if one is missing.

    The files are read as they were when they ran here: from the copies, or else from `existing`. A squashed
    baseline stands for all revisions that it contains; none of those is downgraded separately.

    Raises MigrationError if another application has applied them.
    """
    with database.connect() as connection:
        refuse_other_application(connection, database)
    rows = read_rows(database)
    known = {file.revision: file for file in existing}
    folded = {name for file in existing for name in file.replaces}
    found: dict[str, RevisionFile] = {}
    pending = stored_heads(database)
    while pending:
        revision = pending.pop()
        if revision in folded:
            return None
        if revision in known and known[revision].replaces:
            found[revision] = known[revision]
            continue
        copy = find_copy(revision, rows[revision].file) if revision in rows else None
        file = (parse_file(copy) if copy else None) or known.get(revision)
        if file is None:
            return None
        found[revision] = file
        pending |= set(file.parents) - found.keys()
    order = TopologicalSorter({revision: file.parents for revision, file in found.items()}).static_order()
    return [found[revision] for revision in order][::-1]


def misplaced(applied: list[RevisionFile], existing: list[RevisionFile]) -> set[str]:
    """Return the ids of the revisions that have no file now, or whose file has another place in the chain."""
    parents = {file.revision: file.parents for file in existing}
    return {file.revision for file in applied if parents.get(file.revision) != file.parents}


def with_descendants(applied: list[RevisionFile], names: set[str]) -> list[RevisionFile]:
    """Return these revisions and all that come after them, newest first: they must be downgraded together."""
    found: set[str] = set()
    for file in reversed(applied):
        if file.revision in names or found & set(file.parents):
            found.add(file.revision)
    return [file for file in applied if file.revision in found]


def find_losses(database: Database, wanted: list[RevisionFile]) -> str:
    """Return what their downgrades lose, such as "loses users (3 rows)", or an empty string."""
    function = f"downgrade{binds.suffix(database.bind)}"
    downgrades = [data_loss.Downgrade(file.path, function, bool(file.parents)) for file in wanted]
    loses, losses = data_loss.find_losses(database, downgrades, binds.metadata(database.bind))
    return f"{loses} {', '.join(losses)}" if losses else ""


def downgrade(
    database: Database, script: ScriptDirectory, applied: list[RevisionFile], wanted: list[RevisionFile]
) -> None:
    """Run the downgrades of the wanted revisions through env.py, as `flask db downgrade` does.

    `applied` are the files of all applied revisions. Some may no longer be in versions/. If rows are lost, a
    snapshot is taken first; on SQLite, env.py takes it.
    """
    if not database.cheap_snapshots and find_losses(database, wanted):
        _take_snapshot(database)
    with TemporaryDirectory() as folder:
        versions = Path(folder) / "versions"
        versions.mkdir()
        for file in applied:
            shutil.copy2(file.path, versions / file.path.name)
        combined = ScriptDirectory(script.dir, version_locations=[str(versions)])

        def steps(_heads: Any, _migration: MigrationContext) -> list[Any]:
            revisions = [combined.get_revision(file.revision) for file in wanted]
            return [
                MigrationStep.downgrade_from_script(combined.revision_map, revision) for revision in revisions
            ]

        config = alembic_config()
        run = RunContext.of(config)
        run.only, run.has_own_revisions = database, True
        with EnvironmentContext(config, combined, fn=steps, destination_rev="base"):
            combined.run_env()


def _take_snapshot(database: Database) -> None:
    """The user has confirmed the loss, so a missing client program does not stop the command."""
    try:
        take_and_report(database)
    except MigrationError as error:
        output.notice(f"No snapshot was taken: {error.message}")
