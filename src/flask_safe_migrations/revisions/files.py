"""The files in versions/: whether they fit together, and a digest of each with all that it stands on."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from ..errors import MigrationError

ID = re.compile(r"^revision(?:\s*:[^=\n]+)?\s*=\s*[\"'](.+?)[\"']", re.MULTILINE)
PARENTS = re.compile(r"^down_revision(?:\s*:[^=\n]+)?\s*=\s*(\([^)]*\)|\[[^\]]*\]|.*)$", re.MULTILINE)
FOLDED = re.compile(r"^replaces\s*=\s*\(([^)]*)\)", re.MULTILINE)
QUOTED = re.compile(r"[\"'](.+?)[\"']")


@dataclass(frozen=True)
class File:
    """What a file in versions/ says of its place; parents may be missing, which Alembic does not bear."""

    path: Path
    revision: str
    parents: tuple[str, ...]
    # The ids that a squashed baseline stands for.
    replaces: tuple[str, ...] = ()


def parse(path: Path) -> File | None:
    text = path.read_text(encoding="utf-8")
    if not (match := ID.search(text)):
        return None
    parents = [parent for declared in PARENTS.findall(text) for parent in QUOTED.findall(declared)]
    replaces = [known for listed in FOLDED.findall(text) for known in QUOTED.findall(listed)]
    return File(path, match[1], tuple(parents), tuple(replaces))


def folders(script: ScriptDirectory) -> list[Path]:
    """Return versions/, or the folders that `version_locations` names, whether or not they exist."""
    return list(script._version_locations)


def paths(script: ScriptDirectory) -> list[Path]:
    """Return the files in there."""
    pattern = "**/*.py" if script.recursive_version_locations else "*.py"
    return sorted({path for folder in folders(script) for path in folder.glob(pattern)})


def shown(script: ScriptDirectory, path: Path) -> str:
    """Return a file's path as a person in the project's folder would write it."""
    root = Path(script.dir).absolute().parent
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def reloaded(script: ScriptDirectory) -> ScriptDirectory:
    """Return the same folders, read again: files have changed."""
    return ScriptDirectory(
        script.dir,
        file_template=script.file_template,
        version_locations=script.version_locations or None,
        timezone=script.timezone,
        recursive_version_locations=script.recursive_version_locations,
    )


def parsed(script: ScriptDirectory) -> list[File]:
    return [file for path in paths(script) if (file := parse(path))]


def problems(script: ScriptDirectory) -> list[str]:
    """Say which ids two files share, and which parents no file has: Alembic warns of the first only."""
    if any(Path(script.dir).glob("archive/*/unfinished")):
        return ["a squash was interrupted: `flask db squash --undo` puts all files back"]
    head = Path(script.dir) / "HEAD"
    if head.exists() and re.search(r"^<{7}", head.read_text(encoding="utf-8"), re.MULTILINE):
        return ["migrations/HEAD has a conflict in it: `flask db rebase` puts your revision on top of theirs"]
    files = parsed(script)
    names = defaultdict(list)
    for file in files:
        names[file.revision].append(file.path.name)
    found = [
        f"{' and '.join(same)} have the same id {revision}: give one of them another, and let what comes "
        "after it say so in down_revision"
        for revision, same in names.items()
        if len(same) > 1
    ]
    folded = {known for file in files for known in file.replaces}
    return found + [
        f"{file.path.name} comes after {parent}, {_gone(parent in folded)}"
        for file in files
        for parent in file.parents
        if parent not in names
    ]


def _gone(folded: bool) -> str:
    if folded:
        return (
            "which was folded into a baseline meanwhile: "
            "`flask db rebase` puts it on top of the newest revision"
        )
    return (
        "which no file in versions/ has: if it was taken out of the history, `flask db rebase` closes the gap"
    )


def refuse_inconsistent(script: ScriptDirectory) -> None:
    if found := problems(script):
        raise MigrationError(f"{'; '.join(found)}.")


def digests(script: ScriptDirectory, *ingredients: str) -> dict[str, str]:
    """Return for each revision a digest of its file, of all its ancestors, and of the ingredients."""
    found: dict[str, str] = {}
    for revision in in_order(script):
        parents = [found[parent] for parent in sorted(revision._all_down_revisions)]
        content = hashlib.sha256(Path(revision.path).read_bytes()).hexdigest()
        found[revision.revision] = digest([content, *parents, *ingredients])
    return found


def in_order(script: ScriptDirectory) -> list[Script]:
    """Return all revisions, parents first."""
    return list(script.walk_revisions())[::-1]


def code_digest(folder: Path, *ignored: str) -> str:
    """Return a digest of the Python files in a folder, but for those in folders called `ignored`."""
    paths = sorted(path for path in folder.rglob("*.py") if not set(ignored) & set(path.parts))
    return digest(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
