"""Asks git which revisions are on the main branch already; it changes nothing."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .files import REVISION_ID

MAIN_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
# The commit that git is applying on top of HEAD, where it has stopped at a conflict.
REPLAYED = ("REBASE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")


class Git:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.program = shutil.which("git")

    def run(self, *arguments: str) -> str | None:
        """Return the output of git, or None where it fails or is not installed."""
        if self.program is None:
            return None
        result = subprocess.run(  # noqa: S603
            [self.program, *arguments], cwd=self.root, capture_output=True, text=True, check=False
        )
        return None if result.returncode else result.stdout.strip()

    def has_commit(self, name: str) -> bool:
        return self.run("rev-parse", "--quiet", "--verify", f"{name}^{{commit}}") is not None

    def find_base(self) -> str | None:
        """Return the commit whose revisions keep their place, because others have them already."""
        if any(map(self.has_commit, REPLAYED)):
            return "HEAD"
        main = next((name for name in MAIN_BRANCHES if self.has_commit(name)), None)
        if not self.has_commit("MERGE_HEAD"):
            return main
        branch = self.run("branch", "--show-current")
        if main and self.run("merge-base", "--is-ancestor", "MERGE_HEAD", main) is not None:
            return "MERGE_HEAD"  # a pull, or a merge of the main branch into this one
        return "HEAD" if branch in {"main", "master", (main or "").partition("/")[2]} else "MERGE_HEAD"

    def list_revisions(self, commit: str, folders: list[Path]) -> set[str]:
        """Return the ids of the revisions in these folders, at this commit."""
        relative = [os.path.relpath(folder, self.root) for folder in folders]
        output = self.run("grep", "-hE", "^revision\\b", commit, "--", *relative)
        return {match[1] for match in re.finditer(REVISION_ID, output or "")}

    def find_branches(self, revision: str, folders: list[Path]) -> list[str]:
        """Return the branches that have a file of this revision, the one with the newest commit first."""
        if not re.fullmatch(r"[\w.-]+", revision):
            return []
        newest = ("for-each-ref", "--sort=-committerdate", "--count=100", "--format=%(refname)")
        branches = (self.run(*newest, "refs/heads", "refs/remotes") or "").split()
        relative = [os.path.relpath(folder, self.root) for folder in folders]
        pattern = rf"^revision\b.*[\"']{re.escape(revision)}[\"']"
        output = self.run("grep", "-lE", pattern, *branches, "--", *relative) if branches else None
        found = {line.partition(":")[0] for line in (output or "").splitlines()}
        return [name.split("/", 2)[2] for name in branches if name in found and not name.endswith("/HEAD")]

    def get_next_command(self, folder: str) -> str:
        """Return the command that completes the rebase, cherry-pick, revert or merge in progress."""
        add = f"git add --all {folder}"
        for name in REPLAYED:
            if self.has_commit(name):
                verb = {"REBASE_HEAD": "rebase", "CHERRY_PICK_HEAD": "cherry-pick"}.get(name, "revert")
                return f"{add} && git {verb} --continue"
        return f"{add} && git commit"
