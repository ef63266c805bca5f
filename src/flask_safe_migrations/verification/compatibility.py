"""`flask db verify --against REV`: whether pending revisions break code that still runs at REV."""

from contextlib import ExitStack
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError

from .. import _compat, runtime, safety, settings
from ..backends.base import Database
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.git import Git
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..runtime.heads import describe
from .round_trip import ShadowWalk
from .suite import Check, Problem


def check_compatibility(databases: list[Database], name: str) -> list[Check]:
    """Check the revisions after `name`; the first result only lists them.

    :param name: a revision, or a commit, tag or branch of git.
    :raises MigrationError: where there is no such revision, or one cannot be run.
    """
    script = runtime.directory()
    start = _resolve_revision(script, name)
    applied = {each.revision for each in script.iterate_revisions(start, "base")} if start else set()
    pending = [revision for revision in files.sort_revisions(script) if revision.revision not in applied]
    check = Check(
        "compatibility", f"nothing breaks code that runs at {describe(script, [start] if start else [])}"
    )
    found: list[Problem] = []
    for database in databases:
        with one_sentence(database), ExitStack() as stack:
            walk = ShadowWalk(database, script, stack)
            recorded = [(Path(revision.path), walk.record(revision)) for revision in pending]
        for path, finding in safety.find_breaking_changes(recorded, database.title):
            line = f"{binds.prefix(database)}{path.name}, {finding}"
            found.append(Problem(line, path, finding.line or None, accepted=bool(finding.accepted)))
    found.sort(key=lambda problem: problem.accepted)
    check.add_problems(found)
    names = [f"{revision.revision} ({revision.doc})" for revision in pending]
    return [Check("pending", f"pending: {', '.join(names) or 'nothing'}"), check]


def _resolve_revision(script: ScriptDirectory, name: str) -> str | None:
    """Return the id of the revision, None for base; raise MigrationError where there is none."""
    try:
        revision = script.get_revision(name)
        return revision.revision if revision else None
    except CommandError:
        current = settings.active()
        text = Git(current.project_folder).run(
            "show", "--end-of-options", f"{name}:./{current.directory.name}/HEAD"
        )
    if text is None:
        raise MigrationError(
            f"--against {name}: there is neither a revision of that name, nor a commit, tag or branch of git "
            "that has a migrations/HEAD."
        )
    ids = list(manifest.parse(text))
    if ids and _compat.known_revisions(script).get(ids[-1]) is None:
        raise MigrationError(
            f"--against {name}: its newest revision {ids[-1]} is not in migrations/versions here (moved by a "
            "rebase, folded by a squash?): name the revision that production is at."
        )
    return ids[-1] if ids else None
