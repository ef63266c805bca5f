"""The release that a database has to go through which is inside the folded part: it still has those files."""

from pathlib import Path

from ..revisions.git import Git


def release(file: Path) -> str:
    """Return the last tag if it has `file`, else the commit; nothing without git or a commit of it."""
    git = Git(file.parent)
    tag = git.ask("describe", "--tags", "--abbrev=0")
    for known in (tag, git.ask("describe", "--tags", "--always")):
        if known and git.ask("ls-tree", "--name-only", known, "--", file.name):
            return known
    return ""
