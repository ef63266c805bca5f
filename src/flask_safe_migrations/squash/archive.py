"""File operations of a squash: a staged copy of versions/, the archive of the folded files, and undo.

The archive of a squash contains a file `unfinished` from before the first file is moved until after the last
one. If the process is killed in between, `revisions.files.find_problems` reports that, and `undo` repairs it.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from ..revisions import files, manifest
from .selection import Fold

UNFINISHED, PLAN = "unfinished", "squash.json"


class Plan(TypedDict):
    """The content of squash.json: file names relative to `versions_root`."""

    baseline: str
    folded: list[str]


class StagedVersions:
    """A temporary copy of versions/ in which the baseline replaces the folded revisions."""

    def __init__(self, folder: Path, script: ScriptDirectory, name: str) -> None:
        self.folder, self.script, self.baseline = folder, script, folder / name

    def write(self, text: str) -> ScriptDirectory:
        """Write the baseline and return the staged revisions, loaded again."""
        self.baseline.write_text(text, encoding="utf-8")
        # Python recognizes stale bytecode by time and size; two baselines may share both.
        shutil.rmtree(self.folder / "__pycache__", ignore_errors=True)
        return ScriptDirectory(
            self.script.dir,
            file_template=self.script.file_template,
            version_locations=[str(self.folder)],
            timezone=self.script.timezone,
            recursive_version_locations=True,
        )


@contextmanager
def stage_versions(script: ScriptDirectory, fold: Fold, name: str) -> Iterator[StagedVersions]:
    """Yield a temporary copy of versions/ without the folded files; `name` is the baseline's file name."""
    folded = {Path(revision.path).resolve() for revision in fold.folded}

    def ignore(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if name == "__pycache__" or Path(folder, name).resolve() in folded]

    with tempfile.TemporaryDirectory(prefix="squash-") as temporary:
        staged = Path(temporary) / "versions"
        staged.mkdir()
        for number, versions in enumerate(files.folders(script)):
            shutil.copytree(versions, staged / str(number), ignore=ignore)
        yield StagedVersions(staged, script, name)


def archive_root(script: ScriptDirectory) -> Path:
    return Path(script.dir) / "archive"


def versions_root(script: ScriptDirectory) -> Path:
    """Return the folder that the names in a plan are relative to: versions/, or the parent of several."""
    folders = files.folders(script)
    return folders[0] if len(folders) == 1 else Path(os.path.commonpath(folders))


def replace_folded_files(
    script: ScriptDirectory, revision: str, folded: list[Path], baseline: Path, text: str
) -> Path:
    """Write the baseline and move the folded files to the archive; return the archive's folder.

    Call `mark_finished` once the manifest is written.
    """
    folder, versions = archive_root(script) / revision, versions_root(script)
    baseline_name = str(baseline.relative_to(versions))
    folder.mkdir(parents=True, exist_ok=True)  # an undo that was killed at its very end may have left it
    (folder / "baseline").write_text(text, encoding="utf-8")  # without .py, so that Alembic does not load it
    names = [str(path.relative_to(versions)) for path in folded]
    plan = {"baseline": baseline_name, "folded": names}
    (folder / PLAN).write_text(json.dumps(plan, indent=1), encoding="utf-8")
    (folder / UNFINISHED).touch()
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (versions / name).replace(folder / name)
    (folder / "baseline").replace(versions / baseline_name)
    return folder


def mark_finished(folder: Path) -> None:
    (folder / UNFINISHED).unlink()


def undo(script: ScriptDirectory) -> list[str]:
    """Undo the last squash, or one that was interrupted; return the names of the restored files.

    Raises MigrationError if there is nothing to undo, or if files are missing in the archive.
    """
    folder = _last_squash(script)
    if folder is None:
        raise MigrationError(
            "There is nothing to undo: migrations/archive contains no squash whose baseline is still in "
            "place. To undo a squash that is committed, use `git revert`."
        )
    names = _restore_files(script, folder)
    manifest.write(files.reload(script))
    _delete_archive(folder)
    return names


def _last_squash(script: ScriptDirectory) -> Path | None:
    """Return the folder of an interrupted squash, or else of the last one whose baseline still exists."""
    archive = archive_root(script)
    for unfinished in sorted(archive.glob(f"*/{UNFINISHED}")):
        return unfinished.parent
    folders = [path.parent for path in archive.glob(f"*/{PLAN}")]
    active = [folder for folder in folders if (versions_root(script) / _plan(folder)["baseline"]).exists()]
    return max(active, key=lambda folder: (folder / PLAN).stat().st_mtime_ns, default=None)


def _restore_files(script: ScriptDirectory, folder: Path) -> list[str]:
    """Move the archived files back and delete the baseline, whether or not the squash was complete."""
    plan, versions = _plan(folder), versions_root(script)
    missing = [
        name for name in plan["folded"] if not (folder / name).exists() and not (versions / name).exists()
    ]
    if missing:
        raise MigrationError(
            f"Files are missing in migrations/archive/{folder.name} ({', '.join(missing[:3])}): "
            "nothing was changed. Restore them from version control."
        )
    (folder / UNFINISHED).touch()
    (versions / plan["baseline"]).unlink(missing_ok=True)
    for name in plan["folded"]:
        if (folder / name).exists():
            (versions / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).replace(versions / name)
    return list(plan["folded"])


def _delete_archive(folder: Path) -> None:
    """Delete an archive whose files are restored; the plan last, so that a killed undo can be repeated."""
    for path in folder.iterdir():
        if path.name not in {PLAN, UNFINISHED}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / UNFINISHED).unlink()
    (folder / PLAN).unlink()
    folder.rmdir()
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _plan(folder: Path) -> Plan:
    plan: Plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    return plan
