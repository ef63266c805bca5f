"""Composes a baseline and proves it on shadow databases, then puts it in place."""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import _compat
from ..backends.base import Database
from ..revisions import files, manifest
from ..revisions.git import Git
from ..runtime import binds
from . import archive
from .composition import Composer
from .proof import Outcome, prove_baseline, run_folded
from .questions import depends_on_dialect
from .rendering import RenderedCode, compose_header, file_name, render_file
from .selection import Fold
from .state import TableKey


@dataclass(frozen=True)
class Baseline:
    """A proved baseline that is not written yet."""

    script: ScriptDirectory
    fold: Fold
    # The file name, and the text of the file.
    name: str
    text: str
    # The last release that has the folded files.
    release: str
    # The tables whose rows the baseline inserts.
    filled: list[TableKey]

    @property
    def path(self) -> Path:
        """The path of the new file: in the folder of the newest folded file."""
        return Path(self.fold.upto.path).parent / self.name

    def write(self) -> Path:
        """Replace the folded files by the baseline; return the folder in the archive."""
        folded = [Path(revision.path) for revision in self.fold.folded]
        folder = archive.replace_folded_files(
            self.script, self.fold.upto.revision, folded, self.path, self.text
        )
        manifest.write(files.reload(self.script))
        archive.mark_finished(folder)
        return folder


def compose_baseline(databases: list[Database], script: ScriptDirectory, fold: Fold) -> Baseline:
    """Compose the baseline for all databases and prove it on a shadow database of each.

    Raises MigrationError if no baseline gives the same result as the folded revisions.
    """
    date = _compat.creation_date(script)
    name = file_name(script, fold, date)
    path = Path(fold.upto.path)
    release = _last_release_with(path)
    titles = " and ".join(sorted({database.title for database in databases}))
    header = compose_header(
        fold, titles, release, manifest.content_digest(path.read_text(encoding="utf-8")), date
    )
    per_dialect = any(depends_on_dialect(Path(revision.path)) for revision in fold.folded)
    functions: list[RenderedCode] = []
    outcomes: list[tuple[Database, Outcome]] = []
    with archive.stage_versions(script, fold, name) as staged:
        for database in databases:
            touched = any(binds.touches(revision.module, database.bind) for revision in fold.folded)
            if database.bind is None or touched:
                with database.shadow() as shadow:
                    outcome = run_folded(shadow, script, fold)
                    dialects = shadow.dialects if per_dialect else ()
                    functions.append(Composer(shadow, outcome, staged, header, dialects).compose())
                    outcomes.append((database, outcome))
        staged.write(render_file(header, functions).text)
        text = _format(staged.baseline)
        revisions = staged.write(text)
        for database, outcome in outcomes:
            with database.shadow() as shadow:
                prove_baseline(shadow, revisions, outcome)
    filled = {key for _, outcome in outcomes for key in outcome.rows}
    return Baseline(script, fold, name, text, release, sorted(filled, key=str))


def _last_release_with(file: Path) -> str:
    """Return the last tag if it has `file`, or else the commit; an empty string without git or a commit.

    A database at a folded revision has to be upgraded with that release first.
    """
    git = Git(file.parent)
    tag = git.run("describe", "--tags", "--abbrev=0")
    for release in (tag, git.run("describe", "--tags", "--always")):
        if release and git.run("ls-tree", "--name-only", release, "--", file.name):
            return release
    return ""


def _format(path: Path) -> str:
    """Return the text of the file, formatted by ruff if it is installed and if the code stays the same."""
    text = path.read_text(encoding="utf-8")
    if importlib.util.find_spec("ruff"):
        command: list[str | Path] = [sys.executable, "-m", "ruff", "format", "--quiet", path]
        subprocess.run(command, check=False)  # noqa: S603
    formatted = path.read_text(encoding="utf-8")
    is_same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(formatted))
    return formatted if is_same else text
