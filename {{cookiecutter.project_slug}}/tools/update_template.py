"""`make update-template`: apply the changes of the template since this project was created, with cruft.

https://cruft.github.io/cruft/#updating-a-project
"""

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
STATE = ROOT / ".cruft.json"
# Run cruft on demand, so that it is not a dependency. Use the project's Python: below 3.11 cruft does not
# read [tool.cruft] in pyproject.toml, and would deliver revisions.
UV = ("uv", "tool", "run", "--python", sys.executable, "--with", "cookiecutter>=2.7,<3")
CRUFT = (*UV, "cruft>=2.16,<3")


def main() -> None:
    refuse_unless_ready()
    state = json.loads(STATE.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as name:
        template = Path(name, "template")
        run("git", "clone", "--quiet", state["template"], str(template))
        remember_what_was_delivered(state, template)
        run(*CRUFT, "update", "--skip-apply-ask", "--template-path", str(template), *sys.argv[1:])
        tell(state["commit"], template)


def refuse_unless_ready() -> None:
    if not STATE.exists():
        sys.exit(
            "This project is not linked to its template (there is no .cruft.json): type "
            "`uv tool run cruft link URL --checkout VERSION`, with the URL and the version it was made from, "
            "give the same answers again, and commit the file."
        )
    if shutil.which("git") is None:
        sys.exit("git is missing: an update is merged by git.")
    if ask("git", "rev-parse", "--verify", "HEAD") is None:
        sys.exit('An update is merged by git: `git init && git add . && git commit -m "start"` first.')
    if ask("git", "status", "--porcelain"):
        sys.exit(
            "Some changes are not committed (`git status` lists them): commit or stash them first, "
            "so that they can be told from the update."
        )


def remember_what_was_delivered(state: dict[str, Any], template: Path) -> None:
    """Add the files to git as the template created them, even if they were never committed like that.

    git needs them for a three-way merge. Otherwise cruft would leave .rej files instead of conflicts.
    """
    was, answers = template.with_name("was"), template.with_name("answers.json")
    run("git", "-C", str(template), "worktree", "add", "--quiet", str(was), state["commit"])
    answers.write_text(json.dumps(state["context"]), encoding="utf-8")
    made = template.with_name("made")
    source = str(was / (state.get("directory") or ""))
    run(*UV, "cookiecutter", "--replay-file", str(answers), "--output-dir", str(made), source)
    files = "\n".join(str(path) for path in made.rglob("*") if path.is_file())
    run("git", "hash-object", "-w", "--no-filters", "--stdin-paths", text=files)


def tell(commit: str, template: Path) -> None:
    now = json.loads(STATE.read_text(encoding="utf-8"))["commit"]
    if now == commit:
        print("The template has nothing new.")
        return
    news = ask("git", "-C", str(template), "diff", "--unified=0", commit, now, "--", "CHANGELOG.md") or ""
    print(*(line[1:] for line in news.splitlines() if line[:1] == "+" and line[:3] != "+++"), sep="\n")
    if conflicts := ask("git", "-c", "core.quotePath=off", "diff", "--name-only", "--diff-filter=U"):
        sys.exit(
            f"You and the template have changed the same lines of {', '.join(conflicts.splitlines())}: "
            "settle these between <<<<<<< and >>>>>>>, `git add` them, then `make test` and commit."
        )
    print("Updated: `git diff --staged` shows it. Then `make test`, and commit.")


def ask(*command: str) -> str | None:
    """Return the output of a command, or None if it fails."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    return None if result.returncode else result.stdout.strip()


def run(*command: str, text: str | None = None) -> None:
    """Run a command quietly. If it fails, exit with its output."""
    result = subprocess.run(  # noqa: S603
        command, cwd=ROOT, input=text, capture_output=True, encoding="utf-8", check=False
    )
    if result.returncode:
        sys.exit(f"{result.stderr or result.stdout}The update stopped, and nothing was changed.")


if __name__ == "__main__":
    main()
