"""Puts a baseline in the place of the folded files, and takes that back; killed at any moment, that shows.

The folder of the archive has a file `unfinished` from before the first file is moved until after the last.
"""

import json
import os
import shutil
from pathlib import Path
from typing import TypedDict

from alembic.script import ScriptDirectory

from ..errors import MigrationError
from ..revisions import files

UNFINISHED, PLAN = "unfinished", "squash.json"


class Plan(TypedDict):
    baseline: str
    folded: list[str]


def archive(script: ScriptDirectory) -> Path:
    return Path(script.dir) / "archive"


def root(script: ScriptDirectory) -> Path:
    """Return the folder that the names in a plan start from: versions/, or above several of them."""
    folders = files.folders(script)
    return folders[0] if len(folders) == 1 else Path(os.path.commonpath(folders))


def fold_files(script: ScriptDirectory, revision: str, folded: list[Path], baseline: Path, text: str) -> Path:
    """Write the baseline, move the others; returns the folder where they are."""
    folder, versions = archive(script) / revision, root(script)
    name = str(baseline.relative_to(versions))
    folder.mkdir(parents=True, exist_ok=True)  # one that was taken back may have been killed at the very end
    (folder / "baseline").write_text(text, encoding="utf-8")  # not loaded, as it is no .py
    moved = [str(path.relative_to(versions)) for path in folded]
    (folder / PLAN).write_text(json.dumps({"baseline": name, "folded": moved}, indent=1), encoding="utf-8")
    (folder / UNFINISHED).touch()
    for each in moved:
        (folder / each).parent.mkdir(parents=True, exist_ok=True)
        (versions / each).replace(folder / each)
    (folder / "baseline").replace(versions / name)
    return folder


def finish(folder: Path) -> None:
    (folder / UNFINISHED).unlink()


def unfinished(script: ScriptDirectory) -> list[Path]:
    """Return the folders of what was interrupted."""
    return sorted(path.parent for path in archive(script).glob(f"*/{UNFINISHED}"))


def last(script: ScriptDirectory) -> Path | None:
    """Return the folder of what was interrupted, or of the last squash whose baseline is there."""
    for folder in unfinished(script):
        return folder
    found = [path.parent for path in archive(script).glob(f"*/{PLAN}")]
    there = [folder for folder in found if (root(script) / _plan(folder)["baseline"]).exists()]
    return max(there, key=lambda folder: (folder / PLAN).stat().st_mtime_ns, default=None)


def put_back(script: ScriptDirectory, folder: Path) -> list[str]:
    """Take a squash back, or what of it was done; returns the names of the files that are there again."""
    plan, versions = _plan(folder), root(script)
    missing = [
        each for each in plan["folded"] if not (folder / each).exists() and not (versions / each).exists()
    ]
    if missing:
        raise MigrationError(
            f"migrations/archive/{folder.name} has no longer all files, {', '.join(missing[:3])} among them: "
            "nothing was changed; take them from version control."
        )
    (folder / UNFINISHED).touch()
    (versions / plan["baseline"]).unlink(missing_ok=True)
    for each in plan["folded"]:
        if (folder / each).exists():
            (versions / each).parent.mkdir(parents=True, exist_ok=True)
            (folder / each).replace(versions / each)
    return [str(each) for each in plan["folded"]]


def forget(folder: Path) -> None:
    """After `put_back`: the plan goes last, so that a kill in between can be taken up again."""
    for path in folder.iterdir():
        if path.name not in {PLAN, UNFINISHED}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (folder / UNFINISHED).unlink()
    (folder / PLAN).unlink()
    folder.rmdir()
    if not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _plan(folder: Path) -> Plan:
    found: Plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    return found
