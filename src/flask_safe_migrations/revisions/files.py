"""The files in versions/: parses them, finds inconsistencies, and computes digests."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import combinations
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from .. import _compat
from ..errors import MigrationError, find_line, first_line

REVISION_ID = re.compile(r"^revision(?:\s*:[^=\n]+)?\s*=\s*[\"'](.+?)[\"']", re.MULTILINE)
PARENTS = re.compile(r"^down_revision(?:\s*:[^=\n]+)?\s*=\s*(\([^)]*\)|\[[^\]]*\]|.*)$", re.MULTILINE)
REPLACES = re.compile(r"^replaces\s*=\s*\(([^)]*)\)", re.MULTILINE)
QUOTED = re.compile(r"[\"'](.+?)[\"']")
CONFLICT = re.compile(r"^<{7}", re.MULTILINE)
UPGRADE = re.compile(
    r"^(def\s+upgrade(_\w+)?\s*\(|upgrade\w*\s*[:=]|from .* import .*(upgrade|\*))", re.MULTILINE
)
ID_LENGTH = 32  # of version_num in the table that Alembic creates
RESERVED = {"base", "head", "heads"}  # Alembic's names for revisions


@dataclass(frozen=True)
class RevisionFile:
    """The place of a revision in the chain, by its file.

    Alembic cannot load a folder in which a parent is missing; this can represent it.

    :param replaces: the ids of the revisions that a squashed baseline replaces.
    """

    path: Path
    revision: str
    parents: tuple[str, ...]
    replaces: tuple[str, ...] = ()


def parse_file(path: Path) -> RevisionFile | None:
    """Return None for a file that is not a revision."""
    return _parse(path, path.read_text(encoding="utf-8"))


def _parse(path: Path, text: str) -> RevisionFile | None:
    if not (match := REVISION_ID.search(text)):
        return None
    parents = [parent for declared in PARENTS.findall(text) for parent in QUOTED.findall(declared)]
    replaces = [known for listed in REPLACES.findall(text) for known in QUOTED.findall(listed)]
    return RevisionFile(path, match[1], tuple(parents), tuple(replaces))


def _parse_all(texts: Mapping[Path, str | None]) -> list[RevisionFile]:
    return [file for path, text in texts.items() if text and (file := _parse(path, text))]


def folders(script: ScriptDirectory) -> list[Path]:
    """Return versions/, or the folders that `version_locations` names, whether or not they exist."""
    return _compat.version_folders(script)


def paths(script: ScriptDirectory) -> list[Path]:
    """Return the Python files in these folders."""
    pattern = "**/*.py" if script.recursive_version_locations else "*.py"
    return sorted({path for folder in folders(script) for path in folder.glob(pattern)})


def reload(script: ScriptDirectory) -> ScriptDirectory:
    """Load the same folders again, after files have changed."""
    return ScriptDirectory(
        script.dir,
        file_template=script.file_template,
        version_locations=script.version_locations or None,
        timezone=script.timezone,
        recursive_version_locations=script.recursive_version_locations,
    )


def find_broken(script: ScriptDirectory, *, load: bool = False) -> list[str]:
    """Report the files that are no complete revisions: not UTF-8, in conflict, without upgrade().

    :param load: also run each file, as Alembic does. It reports syntax errors and failing imports, too.
    """
    texts = _read(script)
    reasons = {
        path: _find_error(text) or (_find_error_by_loading(path) if load else None)
        for path, text in texts.items()
    }
    return _name_files(reasons) or _find_cycle(_parse_all(texts))


def _name_files(reasons: dict[Path, str | None]) -> list[str]:
    return [f"{path.name}{reason}" for path, reason in reasons.items() if reason]


def _read(script: ScriptDirectory) -> dict[Path, str | None]:
    """Return the text of each file, or None for one that is not UTF-8."""
    texts: dict[Path, str | None] = {}
    for path in paths(script):
        try:
            texts[path] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            texts[path] = None
    return texts


def _find_error(text: str | None) -> str | None:
    if text is None:
        return " is not UTF-8"
    if match := CONFLICT.search(text):
        return f", line {text.count(chr(10), 0, match.start()) + 1}: there is an unresolved conflict"
    if not (match := REVISION_ID.search(text)):
        return None
    declared = PARENTS.search(text)
    if match[1] in RESERVED:
        return f" has the id {match[1]}, which is a name of Alembic's"
    if not declared:
        return " has no down_revision (None in the first revision)"
    if declared[1].strip() in {'""', "''"}:
        return ": its down_revision is empty (None in the first revision)"
    if match[1] in QUOTED.findall(declared[1]):
        return ": its down_revision is its own id"
    return None if UPGRADE.search(text) else " has no upgrade()"


def _find_error_by_loading(path: Path) -> str | None:
    try:
        exec(compile(path.read_bytes(), path, "exec"), {"__name__": path.stem, "__file__": str(path)})  # noqa: S102
    except SyntaxError as error:
        location, reason = error.lineno, error.msg
    except Exception as error:  # noqa: BLE001 - whatever the file does
        location = find_line(error, path) or 1
        reason = f"{type(error).__name__}: {first_line(error)}"
    else:
        return None
    return f", line {location}: {reason}"


def require_complete(script: ScriptDirectory, *, load: bool = False) -> None:
    """Raise MigrationError for files that `find_broken` reports."""
    if broken := find_broken(script, load=load):
        raise MigrationError(f"{'; '.join(broken)}: fix the file, then try again.")


def parse_files(script: ScriptDirectory) -> list[RevisionFile]:
    return [file for path in paths(script) if (file := parse_file(path))]


def find_problems(script: ScriptDirectory) -> list[str]:
    """Report ids that two files share, and parents that no file has; Alembic warns of the former only."""
    texts = _read(script)
    if broken := _name_files({path: _find_error(text) for path, text in texts.items()}):
        return broken
    if any(Path(script.dir).glob("archive/*/unfinished")):
        return ["a squash was interrupted: `flask db squash --undo` puts all files back"]
    if CONFLICT.search(read_manifest(script)):
        return ["migrations/HEAD has a conflict in it: `flask db rebase` puts your revision on top of theirs"]
    files = _parse_all(texts)
    if folded := find_folded_twice(files):
        return folded
    names = defaultdict(list)
    for file in files:
        names[file.revision].append(file.path.name)
    problems = [
        f"{' and '.join(same)} have the same id {revision}: give one of them another id, and change "
        "down_revision in the revision after it"
        for revision, same in names.items()
        if len(same) > 1
    ]
    replaced = {revision for file in files for revision in file.replaces}
    problems += [
        f"{file.path.name} comes after {parent}, {_explain_missing_parent(is_replaced=parent in replaced)}"
        for file in files
        for parent in file.parents
        if parent not in names
    ]
    return problems or _find_cycle(files)


def find_folded_twice(files: list[RevisionFile]) -> list[str]:
    """Report files that a baseline replaces, and baselines that replace the same revisions.

    A merge leaves them behind where both branches have squashed, or where one has changed a folded file.
    """
    baselines = {revision: file for file in files for revision in file.replaces}
    problems = [
        f"{file.path.name} was folded into {baselines[file.revision].path.name}: delete {file.path.name}"
        for file in files
        if file.revision in baselines
    ]
    problems += [
        f"{file.path.name} and {other.path.name} are two squashes of the same revisions: take the merge back "
        "(`git merge --abort`), undo the squash on one of the branches (`git revert`), then merge again"
        for file, other in combinations([each for each in files if each.replaces], 2)
        if {*file.replaces} & {*other.replaces} and not problems
    ]
    return problems


def read_manifest(script: ScriptDirectory) -> str:
    """Return the text of migrations/HEAD, empty if there is none; raises MigrationError."""
    head = Path(script.dir) / "HEAD"
    try:
        return head.read_text(encoding="utf-8") if head.exists() else ""
    except (OSError, UnicodeDecodeError) as error:  # PowerShell writes UTF-16
        raise MigrationError(
            "migrations/HEAD is no file in UTF-8: delete it, then `flask db new --prove` writes it again."
        ) from error


def _find_cycle(files: list[RevisionFile]) -> list[str]:
    """Report revisions that come after one another; Alembic raises an error wherever it loads them."""
    try:
        TopologicalSorter({file.revision: file.parents for file in files}).prepare()
    except CycleError as error:
        cycle = set(error.args[1])
        names = sorted(file.path.name for file in files if file.revision in cycle)
        return [f"{' and '.join(names)} come after each other by their down_revision"]
    return []


def _explain_missing_parent(*, is_replaced: bool) -> str:
    if is_replaced:
        return "which was folded into a baseline: `flask db rebase` puts it on top of the newest revision"
    return (
        "which no file in versions/ has: if it was removed from the history, `flask db rebase` closes the gap"
    )


def require_short_id(script: ScriptDirectory, revision: str) -> None:
    """Raise MigrationError for the id of a new revision that the version table cannot hold.

    A project with longer ids has enlarged the column.
    """
    longest = max([ID_LENGTH, *(len(known) for known in _compat.known_revisions(script) if known)])
    if len(revision) > longest:
        raise MigrationError(f"{explain_long_id(revision, longest)} Choose a shorter one.")


def explain_long_id(revision: str, length: int) -> str:
    return f"The id {revision} has {len(revision)} characters, and the version table holds {length}."


def require_consistent(script: ScriptDirectory) -> None:
    """Raise MigrationError where the files are inconsistent."""
    if problems := find_problems(script):
        raise MigrationError(f"{'; '.join(problems)}.")


def compute_digests(script: ScriptDirectory, *ingredients: str) -> dict[str, str]:
    """Return for each revision a digest of its file, of all its ancestors, and of the ingredients."""
    computed: dict[str, str] = {}
    for revision in sort_revisions(script):
        parents = [computed[parent] for parent in sorted(_compat.parents_and_dependencies(revision))]
        content = hashlib.sha256(Path(revision.path).read_bytes()).hexdigest()
        computed[revision.revision] = digest([content, *parents, *ingredients])
    return computed


def sort_revisions(script: ScriptDirectory) -> list[Script]:
    """Return all revisions, parents first."""
    return list(script.walk_revisions())[::-1]


def code_digest(folder: Path) -> str:
    """Return a digest of the Python files in a folder."""
    paths = sorted(folder.rglob("*.py"))
    return digest(hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)


def digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
