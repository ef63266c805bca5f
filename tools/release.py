"""`make release V=1.0.0`: set a new version of the library in all places.

This is a script because hatch and bump-my-version only replace numbers in files. The wheel, its name and the
checks, which are most of the work, would still need a script, in addition to the dependency.
"""

import datetime
import subprocess
import sys
from pathlib import Path

import build_wheel
from build_wheel import ROOT, VENDOR
from packaging.version import InvalidVersion, Version

CHANGELOG = ROOT / "CHANGELOG.md"
UNRELEASED = "## Unreleased\n"


def main() -> None:
    """Bump the version, build and check; print the commands that commit and tag.

    Exit with code 1 and one sentence if the version is invalid, there are uncommitted changes, the changelog
    has no entry, or a check fails. All files are then restored.
    """
    old, new = build_wheel.version(), sys.argv[1] if len(sys.argv) == 2 else ""
    if reason := why_not(old, new):
        sys.exit(reason)
    if not passes("make", "--no-print-directory", "lint"):
        sys.exit("`make lint` fails, and nothing was changed.")
    try:
        bump(old, new)
        build_wheel.main()
        checked = passes(sys.executable, "-m", "pytest", "--quiet", "tests/template/test_wheel.py")
    except BaseException:
        put_back()
        raise
    if not checked:
        put_back()
        sys.exit("The tests of the wheel fail, and everything is as it was.")
    print(
        f"Version {new} is ready: `git diff` shows it. To release it, type\n"
        f'  git add --all && git commit --message "Version {new}"\n'
        f'  git tag --annotate v{new} --message "Version {new}"'
    )


def why_not(old: str, new: str) -> str | None:
    """Return why `new` cannot be released now, or None."""
    try:
        wanted = Version(new)
    except InvalidVersion:
        return f"{new!r} is not a version (PEP 440): type `make release V=1.0.0`."
    if new != str(wanted) or wanted.local:
        return f"{new!r} is not how PEP 440 spells a released version: type `make release V={wanted.public}`."
    if wanted <= Version(old):
        return f"{new} is not higher than {old}, which the library has now."
    status = git("status", "--porcelain")
    if status is None:
        return "git does not answer here, and a release is a commit and a tag: work in a clone."
    if status:
        return "Some changes are not committed (`git status` lists them): commit or stash them first."
    notes = CHANGELOG.read_text(encoding="utf-8").partition(UNRELEASED)[2].partition("\n## ")[0]
    if not notes.strip():
        return "CHANGELOG.md says nothing below `## Unreleased`: write what is new."
    return None


def bump(old: str, new: str) -> None:
    """Write the version to both pyproject.toml, the changelog, and each place with the name of the wheel."""
    replace(ROOT / "pyproject.toml", f'\nversion = "{old}"\n', f'\nversion = "{new}"\n')
    date = datetime.datetime.now(datetime.UTC).date()
    replace(CHANGELOG, UNRELEASED, f"{UNRELEASED}\n## {new} ({date})\n")
    name = "flask_safe_migrations-{}-py3-none-any.whl".format
    (pinned,) = VENDOR.parent.glob("pyproject.toml")
    if name(old) not in pinned.read_text(encoding="utf-8"):
        sys.exit(f"{pinned.relative_to(ROOT)} does not name {name(old)}, and everything is as it was.")
    for file in (git("grep", "-z", "--name-only", "-I", "--fixed-strings", name(old)) or "").split("\0"):
        if file and file != CHANGELOG.name:
            replace(ROOT / file, name(old), name(new))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        sys.exit(f"{path.relative_to(ROOT)} does not contain {old.strip()!r}, and everything is as it was.")
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def put_back() -> None:
    """Restore all files. There were no uncommitted changes, so every difference is from this script."""
    git("checkout", "--quiet", "--", ".")
    for path in VENDOR.glob("*.whl"):
        if git("ls-files", "--", str(path)) == "":
            path.unlink()


def passes(*command: str) -> bool:
    return subprocess.run(command, cwd=ROOT, check=False).returncode == 0  # noqa: S603


def git(*arguments: str) -> str | None:
    """Return the output of git, or None if it fails."""
    try:
        result = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    except OSError:
        return None
    return None if result.returncode else result.stdout.strip()


if __name__ == "__main__":
    main()
