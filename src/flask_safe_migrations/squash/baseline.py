"""Composes and proves a baseline on a throwaway database."""

import ast
import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

from ..backends.base import Database
from ..revisions import files, manifest
from ..runtime import binds
from . import archive
from .composition import Composing
from .effects import asks_for_engine
from .outcome import Outcome, run_folded
from .proof import prove
from .release import release
from .rendering import Rendered, facts, file_name, render_file
from .selection import Fold
from .staged_versions import stage
from .state import Key


@dataclass(frozen=True)
class Squashed:
    """A proved baseline, of which nothing is written yet."""

    script: ScriptDirectory
    fold: Fold
    name: str
    text: str
    release: str
    # The tables that have rows in a fresh database.
    filled: list[Key]

    @property
    def path(self) -> Path:
        """Where it goes: to the newest of the folded files."""
        return Path(self.fold.upto.path).parent / self.name

    def write(self) -> Path:
        """Move the folded files away and put the baseline in their place; returns the archive's folder."""
        folded = [Path(each.path) for each in self.fold.folded]
        folder = archive.fold_files(self.script, self.fold.upto.revision, folded, self.path, self.text)
        manifest.write(files.reloaded(self.script))
        archive.finish(folder)
        return folder


def squash(databases: list[Database], script: ScriptDirectory, fold: Fold) -> Squashed:
    """Raises MigrationError where no baseline leaves the same as the folded revisions in all databases."""
    date = script._generate_create_date()
    name = file_name(script, fold, date)
    path = Path(fold.upto.path)
    known = release(path)
    titles = " and ".join(sorted({database.title for database in databases}))
    head = facts(fold, titles, known, manifest.content(path.read_text(encoding="utf-8")), date)
    several = any(asks_for_engine(Path(each.path)) for each in fold.folded)
    functions: list[Rendered] = []
    left: list[tuple[Database, Outcome]] = []
    with stage(script, fold, name) as staged:
        for database in databases:
            touched = any(binds.touches(each.module, database.bind) for each in fold.folded)
            if database.bind is None or touched:
                with database.shadow() as shadow:
                    folded = run_folded(shadow, script, fold)
                    dialects = shadow.dialects if several else ()
                    functions.append(Composing(shadow, folded, staged, head, dialects).run())
                    left.append((database, folded))
        staged.write(render_file(head, functions).text)
        text = _formatted(staged.baseline)
        revisions = staged.write(text)
        for database, folded in left:
            with database.shadow() as shadow:
                prove(shadow, revisions, folded)
    filled = {key for _, folded in left for key in folded.rows}
    return Squashed(script, fold, name, text, known, sorted(filled, key=str))


def _formatted(path: Path) -> str:
    """Return the text, formatted with ruff where it is installed; what it does stays the same."""
    text = path.read_text(encoding="utf-8")
    if importlib.util.find_spec("ruff"):
        command: list[str | Path] = [sys.executable, "-m", "ruff", "format", "--quiet", path]
        subprocess.run(command, check=False)  # noqa: S603
    formatted = path.read_text(encoding="utf-8")
    same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(formatted))
    return formatted if same else text
