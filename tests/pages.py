"""Follows a page of the documentation as a reader would: types its commands, makes its changes, compares."""

import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forking import server_for
from project import BakedProject, clean_environment, rewrite

BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# The last file that the text before a block names.
FILE = re.compile(r"`([\w./…-]+\.\w+)`")


@dataclass
class Block:
    kind: str
    text: str
    before: str  # the prose between the previous block and this one

    @property
    def file(self) -> str:
        return FILE.findall(self.before)[-1]


def blocks(page: str) -> Iterator[Block]:
    end = 0
    for match in BLOCK.finditer(page):
        yield Block(match["kind"], match["text"], page[end : match.start()])
        end = match.end()


class Reader:
    """`sh` is typed, `diff` and `python` change the file that is named before, `text` is its output."""

    # They end with Ctrl-C only.
    SERVERS = ("make run", "make browse")

    def __init__(self, project: BakedProject, spelled: Callable[[str], str] = lambda text: text) -> None:
        self.project = project
        self.spelled = spelled  # puts the reader's own names in the place of those on the page
        self.output = ""

    def follow(self, page: Path, until: str | None = None) -> int:
        """Do all that the page says, up to the heading `until`; return how many commands were typed."""
        text = page.read_text(encoding="utf-8")
        found = list(blocks(text[: text.index(until)] if until else text))
        for block in found:
            getattr(self, block.kind)(block)
        return sum(block.kind == "sh" for block in found)

    def sh(self, block: Block) -> None:
        if block.text.strip() in self.SERVERS:
            return
        env = clean_environment() | self.project.env
        if server := server_for(self.project.python, env):
            program = server.instead_of_flask(".venv/bin/python").replace(" ", "\\ ")
            env["MAKEFLAGS"] = f"-- FLASK={program}"  # as an argument of each `make` that is typed
        result = subprocess.run(
            ["sh", "-e", "-c", self.spelled(block.text)],
            cwd=self.project.path,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        self.output = result.stdout
        assert result.returncode == 0, f"{block.text}\n{self.output}"
        assert "Traceback" not in self.output, self.output

    def text(self, block: Block) -> None:
        """… stands for what differs from reader to reader, and a line of it for any lines."""
        lines = (re.escape(line).replace("…", ".*") + "\n" for line in block.text.splitlines())
        pattern = "".join("(?:.*\n)*?" if line == ".*\n" else line for line in lines)
        assert re.search(f"^{pattern}", self.output, re.MULTILINE), (
            f"{block.text}\n-- is not in:\n{self.output}"
        )

    def path(self, block: Block) -> Path:
        if "…" not in block.file:
            return self.project.path / block.file
        (path,) = self.project.path.glob(block.file.replace("…", "*"))
        return path

    def diff(self, block: Block) -> None:
        lines = block.text.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if not line.startswith("+"))
        new = "".join(line[1:] for line in lines if not line.startswith("-"))
        text = self.path(block).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{block.file} has not exactly one\n{old}"
        rewrite(self.path(block), text.replace(old, new))

    def python(self, block: Block) -> None:
        path = self.path(block)
        text = block.text
        if path.exists():
            assert "replace both functions" in " ".join(block.before.split())
            text = path.read_text(encoding="utf-8").partition("def upgrade()")[0] + text
        rewrite(path, self.spelled(text))


def under_git(project: BakedProject) -> BakedProject:
    """What a reader does who keeps the project: commit it as it was generated."""
    project.run("git", "init", "--quiet")
    project.run("git", "add", "--all")
    who = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    project.run("git", *who, "commit", "--quiet", "--message=generated")
    return project
