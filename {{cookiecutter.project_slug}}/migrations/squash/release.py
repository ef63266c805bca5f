"""The release that a database has to go through which is inside the folded part: it still has those files."""

import shutil
import subprocess
from pathlib import Path


def release(file: Path) -> str:
    """Return the last tag if it has `file`, else the commit; nothing without git or a commit of it."""
    git = shutil.which("git")
    if git is None:
        return ""

    def ask(*arguments: str) -> str:
        result = subprocess.run(  # noqa: S603
            [git, *arguments], cwd=file.parent, capture_output=True, text=True, check=False
        )
        return result.stdout.strip() if result.returncode == 0 else ""

    tag = ask("describe", "--tags", "--abbrev=0")
    for known in (tag, ask("describe", "--tags", "--always")):
        if known and ask("ls-tree", "--name-only", known, "--", file.name):
            return known
    return ""
