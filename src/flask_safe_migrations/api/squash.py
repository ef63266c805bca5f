"""Fold the history into a new baseline, after verifying that it creates the same schema and rows."""

from dataclasses import dataclass
from pathlib import Path

from alembic.script import ScriptDirectory

from .. import output, runtime, settings
from ..backends.base import Database
from ..errors import MigrationError, UsageError
from ..runtime import binds
from ..runtime.errors import one_sentence
from ..runtime.heads import alembic_config, stored_heads
from ..squash import compose_baseline, list_questions, select_revisions, undo

MAX_LINES = 30  # files


@dataclass(frozen=True)
class SquashResult:
    """The baseline, the folder with the folded files, and the release that older databases need first."""

    baseline: Path
    archive: Path
    release: str


def squash(upto: str | None = None, *, yes: bool = False) -> SquashResult:
    """Fold the revisions up to `upto`, or all of them, into a new baseline.

    Databases at the last folded revision or later need no change. Example::

        result = api.squash(upto="4f1c2a9b7d30", yes=True)
        print(result.baseline)

    :param upto: the last revision to fold. The default is head.
    :param yes: do not ask about revisions that change rows, which new databases will skip.
    :raises MigrationError: if the baseline cannot be verified. Nothing is changed in that case.
    """
    databases = binds.databases()
    if len(databases) < len(settings.active().binds) + 1:
        raise UsageError("A baseline is for all databases: leave --bind out.")
    script = runtime.directory()
    chosen = select_revisions(script, upto)
    for database in databases:
        with one_sentence(database):
            for head in stored_heads(database) & set(chosen.replaces):
                raise MigrationError(
                    f"{database} is at revision {head}, which would be folded, and nothing was changed: "
                    "`flask db upgrade` first."
                )
    before = len(chosen.folded) + len(chosen.rest)
    output.line(f"Folding {len(chosen.folded)} of {before} revisions, up to {Path(chosen.upto.path).name}")
    with one_sentence(databases[0]):
        squashed = compose_baseline(databases, script, chosen)
    titles = " and ".join(sorted({database.title for database in databases}))
    questions = list_questions(chosen, squashed.filled, titles, _function_suffixes(databases))
    _confirm([*map(": ".join, questions)], yes=yes)
    folder = squashed.write()
    rows = f", with the rows of {', '.join(name for _, name in squashed.filled)}" if squashed.filled else ""
    output.line(
        f"Wrote {settings.active().relative(squashed.path)}{rows}\n"
        f"Proved on {titles}: the same schema and rows, up, down and with all that comes after it.\n"
        f"The folded files are in {settings.active().relative(folder)}, until they are deleted there.\n"
        f"{_describe_wait(squashed.release)} Until it is committed, `flask db squash --undo` takes it back."
    )
    return SquashResult(squashed.path, folder, squashed.release)


def undo_squash() -> list[str]:
    """Restore the folded files, also after an interrupted squash, and return their names."""
    files = undo(ScriptDirectory.from_config(alembic_config()))
    output.line(f"Taken back: {len(files)} files are back in place.")
    return files


def _function_suffixes(databases: list[Database]) -> set[str]:
    former = settings.active().former_binds
    return {binds.suffix(bind) for each in databases for bind in (each.bind, former.get(each.bind or ""))}


def _confirm(lines: list[str], *, yes: bool) -> None:
    if not lines:
        return
    output.line("What fresh databases will not go through any more:")
    for line in lines[:MAX_LINES]:
        output.line(f"  {line}")
    if len(lines) > MAX_LINES:
        output.line(f"  … and {len(lines) - MAX_LINES} more")
    if yes:
        return
    if not output.reporter().can_ask:
        raise MigrationError("Nothing was changed: read the list above; if that is right, add --yes.")
    if not output.reporter().confirm("Fold them?"):
        raise MigrationError("Nothing was changed.")


def _describe_wait(release: str) -> str:
    if release:
        return f"A database at one of them has to be migrated with {release} first."
    return "A database at one of them has to be migrated first with code that has these files."
