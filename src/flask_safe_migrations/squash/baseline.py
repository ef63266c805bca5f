"""Composes a baseline and proves it on shadow databases, then puts it in place."""

import ast
import warnings
from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory
from sqlalchemy.exc import SAWarning

from .. import _compat, runtime
from ..backends.base import Database
from ..code_style import format_file
from ..errors import MigrationError
from ..revisions import files, manifest
from ..revisions.git import Git
from ..runtime import binds
from . import archive
from .composition import Composer, Outcome
from .questions import depends_on_dialect
from .rendering import RenderedCode, compose_header, file_name, render_file
from .rows import compose_insertions
from .selection import Fold
from .sources import Source, Sources
from .state import (
    State,
    TableKey,
    describe_differences,
    raise_differences,
    read_current_state,
    read_state,
    table_title,
)


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
    format_file(path)
    formatted = path.read_text(encoding="utf-8")
    is_same = ast.dump(ast.parse(text)) == ast.dump(ast.parse(formatted))
    return formatted if is_same else text


def run_folded(database: Database, script: ScriptDirectory, fold: Fold) -> Outcome:
    """Run all revisions on an empty shadow database, record the result, and empty the database again.

    Raises MigrationError if there are objects that a baseline cannot create.
    """
    runtime.run(database, script, fold.upto.revision, upgrade=True)
    with database.connect() as connection:
        if unsupported := database.unsupported_objects(connection):
            raise MigrationError(
                f"These objects cannot be carried into a baseline: {'; '.join(unsupported)}. Nothing was "
                "changed. Use --upto to fold only the revisions before them."
            )
        sources = Sources(database, connection, binds.metadata(database.bind))
        state = read_state(database, connection)
        metadata = sources.metadata(Source.REFLECTED)
        with warnings.catch_warnings():
            # Of tables that refer to each other: their rows are inserted before the keys are created.
            warnings.simplefilter("ignore", SAWarning)
            rows = compose_insertions(database, connection, metadata, set(state.rows))
    if fold.rest:
        runtime.run(database, script, "heads", upgrade=True)
    counters = {} if database.counts_given_keys else {**state.counters}
    outcome = Outcome(fold.upto.revision, state, sources, rows, read_current_state(database), counters)
    database.reset()
    return outcome


def prove_baseline(database: Database, staged: ScriptDirectory, outcome: Outcome) -> None:
    """Prove the baseline on an empty shadow database, which is at the newest revision afterwards.

    The upgrade gives the same schema, rows and counters as the folded revisions, the downgrade leaves
    nothing, and the later revisions end in the same schema. The rows of later revisions may hold the
    current time, so these are counted, not compared. Raises MigrationError.
    """
    _run(database, staged, outcome.revision, upgrade=True)
    state = read_current_state(database)
    changed = describe_differences(outcome.state, state)
    raise_differences(list(changed.values()), "the baseline would not create the same schema")
    if state.rows != outcome.state.rows or state.counters != outcome.state.counters:
        raise_differences([["the rows are not the same"]], "the baseline would not insert the same rows")
    _run(database, staged, "base", upgrade=False)
    remaining = read_current_state(database)
    if not remaining.is_empty:
        raise MigrationError(
            f"Nothing was changed: the downgrade of the baseline leaves {', '.join(_names(remaining))}."
        )
    _run(database, staged, "heads", upgrade=True)
    before, after = outcome.head_state, read_current_state(database)
    differences = list(describe_differences(before, after).values())
    differences += [
        [f"{table_title(key)} does not have the same number of rows"]
        for key in before.rows.keys() | after.rows.keys()
        if len(before.rows.get(key, ())) != len(after.rows.get(key, ()))
    ]
    raise_differences(differences, "the newest revision would not have the same schema")


def _run(database: Database, script: ScriptDirectory, destination: str, *, upgrade: bool) -> None:
    try:
        runtime.run(database, script, destination, upgrade=upgrade)
    except MigrationError as error:
        direction = "upgrade" if upgrade else "downgrade"
        reason = error.message.partition(f" {database.after_failure}")[0]
        raise MigrationError(
            f"Nothing was changed: the {direction} with the baseline failed. {reason}"
        ) from error


def _names(state: State) -> list[str]:
    rows = [f"rows in {key[1]}" for key in state.rows]
    return [*sorted(state.schema), *rows][:5]
