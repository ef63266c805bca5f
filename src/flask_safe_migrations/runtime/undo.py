"""Takes single revisions back out of a development database: one's own before they move, or a branch's."""

import shutil
from graphlib import TopologicalSorter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory

from ..backends.base import Database
from ..context import RunContext
from ..revisions.files import File, parse
from . import applied, copies
from .heads import alembic_config, stored_heads


def files_of(database: Database, there: list[File]) -> list[File] | None:
    """Return the files of all that this database has, newest first; None where one is missing.

    They are taken as they were when they ran here, from the copies, else from what is `there`. A squashed
    baseline stands for all that was folded into it: nothing before it is taken back one by one.
    """
    rows = applied.rows(database)
    known = {file.revision: file for file in there}
    folded = {name for file in there for name in file.replaces}
    found: dict[str, File] = {}
    wanted = stored_heads(database)
    while wanted:
        revision = wanted.pop()
        if revision in folded:
            return None
        if revision in known and known[revision].replaces:
            found[revision] = known[revision]
            continue
        copy = copies.find(revision, rows[revision].file) if revision in rows else None
        file = (parse(copy) if copy else None) or known.get(revision)
        if file is None:
            return None
        found[revision] = file
        wanted |= set(file.parents) - found.keys()
    order = TopologicalSorter({revision: file.parents for revision, file in found.items()}).static_order()
    return [found[revision] for revision in order][::-1]


def misplaced(applied: list[File], there: list[File]) -> set[str]:
    """Return the ids of those that have no file now, or one in another place of the chain."""
    places = {file.revision: file.parents for file in there}
    return {file.revision for file in applied if places.get(file.revision) != file.parents}


def reached_through(applied: list[File], names: set[str]) -> list[File]:
    """Return, newest first, what has to be taken back with these: all that comes after them."""
    found: set[str] = set()
    for file in reversed(applied):
        if file.revision in names or found & set(file.parents):
            found.add(file.revision)
    return [file for file in applied if file.revision in found]


def take_back(database: Database, script: ScriptDirectory, applied: list[File], wanted: list[File]) -> None:
    """Run the downgrades of the wanted ones through env.py, as `flask db downgrade` would.

    `applied` are the files of all that the database has; some may be gone from versions/.
    """
    with TemporaryDirectory() as folder:
        versions = Path(folder) / "versions"
        versions.mkdir()
        for file in applied:
            shutil.copy2(file.path, versions / file.path.name)
        together = ScriptDirectory(script.dir, version_locations=[str(versions)])

        def steps(_heads: Any, _migration: MigrationContext) -> list[Any]:
            revisions = [together.get_revision(file.revision) for file in wanted]
            return [
                MigrationStep.downgrade_from_script(together.revision_map, revision) for revision in revisions
            ]

        config = alembic_config()
        run = RunContext.of(config)
        run.only, run.checked = database, True
        with EnvironmentContext(config, together, fn=steps, destination_rev="base"):
            together.run_env()
