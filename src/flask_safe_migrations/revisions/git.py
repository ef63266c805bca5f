"""What git knows of the revisions: which of them are on the main branch already. Nothing is changed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .files import ID

MAIN = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
# The commits that git is about to put on top of HEAD, one by one.
REPLAYED = ("REBASE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")


class Git:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.program = shutil.which("git")

    def ask(self, *arguments: str) -> str | None:
        """Return what git prints, or None where it says no, or where there is none."""
        if self.program is None:
            return None
        result = subprocess.run(  # noqa: S603
            [self.program, *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        return None if result.returncode else result.stdout.strip()

    def has(self, name: str) -> bool:
        return self.ask("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}") is not None

    def base(self) -> str | None:
        """Return the commit whose revisions stay where they are: what the others have already."""
        if any(map(self.has, REPLAYED)):
            return "HEAD"
        main = next((name for name in MAIN if self.has(name)), None)
        if not self.has("MERGE_HEAD"):
            return main
        branch = self.ask("branch", "--show-current")
        if main and self.ask("merge-base", "--is-ancestor", "MERGE_HEAD", main) is not None:
            return "MERGE_HEAD"  # a pull, or the main branch merged into this one
        return "HEAD" if branch in {"main", "master", (main or "").partition("/")[2]} else "MERGE_HEAD"

    def revisions(self, commit: str, folders: list[Path]) -> set[str]:
        """Return the ids of the revisions that this commit has in these folders."""
        places = [os.path.relpath(folder, self.root) for folder in folders]
        found = self.ask("grep", "-hE", "^revision\\b", commit, "--", *places)
        return {match[1] for match in re.finditer(ID, found or "")}

    def next_step(self, folder: str) -> str:
        """What finishes that in which git has stopped."""
        add = f"git add --all {folder}"
        for name in REPLAYED:
            if self.has(name):
                verb = {"REBASE_HEAD": "rebase", "CHERRY_PICK_HEAD": "cherry-pick"}.get(name, "revert")
                return f"{add} && git {verb} --continue"
        return f"{add} && git commit"
