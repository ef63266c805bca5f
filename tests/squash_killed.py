"""Runs in a baked project: squashes and takes that back, killed at each change of a file in turn."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from alembic.script import ScriptDirectory

from flask_safe_migrations.revisions import files
from flask_safe_migrations.squash import Baseline, select_revisions, undo

REVISION = (
    'revision = "{0}"\ndown_revision = {1!r}\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n'
)
CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate"}


def killed_at(moment: int, run: Callable[[], object]) -> bool:
    """Run it in a process that is killed before change number `moment`; return whether there was one."""
    pid = os.fork()
    if pid == 0:
        left = [moment]

        def watch(event: str, arguments: tuple) -> None:
            writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
            if event in CHANGES or writes:
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(watch)
        run()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def written(versions: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in versions.glob("*.py")}


def main() -> None:
    work = Path(tempfile.mkdtemp())
    versions = work / "versions"
    versions.mkdir()
    for name, parent in (("a", None), ("b", "a"), ("c", "b"), ("d", "c")):
        (versions / f"{name}.py").write_text(REVISION.format(name, parent))
    original = written(versions)
    script = ScriptDirectory(work)
    squashed = Baseline(script, select_revisions(script, "c"), "base.py", REVISION.format("c", None), "", [])

    def check(done: set[str]) -> None:
        """Either nothing has happened, or all, or one sentence says what to type."""
        now = set(written(versions))
        assert now in (set(original), done) or "--undo" in files.find_problems(script)[0], now
        if now != set(original) or files.find_problems(script):
            undo(script)
        assert written(versions) == original
        assert files.find_problems(script) == []
        assert [line.split()[0] for line in (work / "HEAD").read_text().splitlines()[1:]] == list("abcd")

    undo_moments = moments = 0
    (work / "HEAD").write_text("#\na 0\nb 0\nc 0\nd 0\n")
    while killed_at(moments, squashed.write):
        check({"base.py", "d.py"})
        moments += 1
    check({"base.py", "d.py"})
    while True:
        squashed.write()
        if not killed_at(undo_moments, lambda: undo(script)):
            break
        check({"base.py", "d.py"})
        undo_moments += 1
    check(set())
    shutil.rmtree(work)
    print(moments, undo_moments)


main()
