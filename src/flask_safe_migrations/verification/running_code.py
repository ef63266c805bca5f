"""`flask db verify --against REV`: whether code that still runs would stumble over what is pending."""

from contextlib import ExitStack
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from .. import runtime, safety, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.git import Git
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..runtime.heads import describe
from .shadow_walk import Walk
from .suite import Check


def against(databases: list[Database], name: str) -> list[Check]:
    """Judge what comes after `name`: a revision, or a commit, tag or branch of git."""
    script = runtime.directory()
    start = _revision(script, name)
    there = {revision.revision for revision in script.iterate_revisions(start, "base")} if start else set()
    pending = [revision for revision in files.in_order(script) if revision.revision not in there]
    check = Check(f"nothing breaks code that runs at {describe(script, [start] if start else [])}")
    refused: list[str] = []
    accepted: list[str] = []
    for database in databases:
        with one_sentence(database), ExitStack() as stack:
            walk = Walk(database, script, stack)
            recorded = [(Path(revision.path), walk.record(revision)) for revision in pending]
        for path, finding in safety.find_breaking_changes(recorded, database.title):
            line = f"{binds.told(database)}{path.name}, {finding}"
            (accepted if finding.accepted else refused).append(line)
    check.found(refused)
    check.details += accepted
    return [_told(pending), check]


def _told(pending: list[Script]) -> Check:
    names = [f"{revision.revision} ({revision.doc})" for revision in pending]
    return Check(f"pending: {', '.join(names) or 'nothing'}")


def _revision(script: ScriptDirectory, name: str) -> str | None:
    """Return the id of the revision, None for base; raises MigrationError where there is none."""
    try:
        found = script.get_revision(name)
        return found.revision if found else None
    except CommandError:
        current = settings.active()
        listed = Git(current.project_folder).ask(
            "show", "--end-of-options", f"{name}:./{current.directory.name}/HEAD"
        )
    if listed is None:
        raise MigrationError(
            f"--against {name}: there is neither a revision of that name, nor a commit, tag or branch of git "
            "that has a migrations/HEAD."
        )
    ids = list(manifest.read(listed))
    if ids and script.revision_map._revision_map.get(ids[-1]) is None:
        raise MigrationError(
            f"--against {name}: its newest revision {ids[-1]} is not in migrations/versions here (moved by a "
            "rebase, folded by a squash?): name the revision that production is at."
        )
    return ids[-1] if ids else None
