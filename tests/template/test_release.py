"""`make release V=…` changes every place where the version stands, or nothing."""

import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from project import clean_environment
from test_update import commit, git

PROJECT = "{{cookiecutter.project_slug}}"
IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in {"NAME": "test", "EMAIL": "test@example.com"}.items()
}


@pytest.fixture
def clone(repository: Path) -> Path:
    """The repository, with an environment that `make` takes for up to date."""
    (repository / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.name != "ready":
            (repository / ".venv" / path.name).symlink_to(path)
    (repository / ".venv" / "ready").touch()
    later = time.time() + 600  # or `make` would fit the environment, which is ours, to the copy
    os.utime(repository / ".venv" / "ready", (later, later))
    # So that the checks pass whether or not the wheel of today's source was built, and right after a release.
    changes = (repository / "CHANGELOG.md").read_text()
    (repository / "CHANGELOG.md").write_text(
        changes.replace("## Unreleased\n", "## Unreleased\n\nMore.\n", 1)
    )
    make(repository, "wheel")
    if git(repository, "status", "--porcelain"):
        commit(repository, "wheel")
    return repository


def make(clone: Path, *arguments: str, check: bool = True, **env: str) -> Any:
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env=clean_environment() | IDENTITY | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=check,
        timeout=300,
    )


def refused(clone: Path, version: str) -> str:
    """Return the sentence; nothing has changed."""
    before = git(clone, "status", "--porcelain")
    result = make(clone, "release", f"V={version}", check=False)
    assert result.returncode == 2 and "Traceback" not in result.stdout, result.stdout
    assert git(clone, "status", "--porcelain") == before
    (sentence,) = [line for line in result.stdout.splitlines() if not line.startswith("make: ")]
    return sentence


def current(clone: Path) -> str:
    return re.search(r'^version = "(.+)"$', (clone / "pyproject.toml").read_text(), re.MULTILINE)[1]


def test_every_place_has_the_new_version(clone: Path) -> None:
    old = current(clone)
    page = clone / "CONTRIBUTING.md"
    page.write_text(f"pip install ./vendor/flask_safe_migrations-{old}-py3-none-any.whl\n")
    commit(clone, "a page that names the wheel")
    head = git(clone, "rev-parse", "HEAD")
    out = make(clone, "release", "V=98.0.0").stdout

    assert current(clone) == "98.0.0"
    wheels = [path.name for path in (clone / PROJECT / "vendor").iterdir()]
    assert wheels == ["flask_safe_migrations-98.0.0-py3-none-any.whl"]
    assert f"vendor/{wheels[0]}" in (clone / PROJECT / "pyproject.toml").read_text()
    assert wheels[0] in page.read_text()
    today = datetime.now(UTC).date()
    changes = (clone / "CHANGELOG.md").read_text()
    assert re.search(rf"^## Unreleased\n\n## 98\.0\.0 \({today}\)\n\n\w", changes, re.MULTILINE)
    left = subprocess.run(
        ["git", "grep", "-I", f"flask_safe_migrations-{old}-"], cwd=clone, capture_output=True, text=True
    )
    assert left.stdout == ""

    # Commit and tag are left to the person, and printed.
    assert git(clone, "rev-parse", "HEAD") == head and git(clone, "tag") == ""
    commands = [line.strip() for line in out.splitlines() if line.startswith("  git ")]
    assert len(commands) == 2
    for command in commands:
        subprocess.run(["sh", "-c", command], cwd=clone, check=True, env=clean_environment() | IDENTITY)
    assert git(clone, "status", "--porcelain") == "" and git(clone, "tag") == "v98.0.0\n"

    # From now on this version is what it is.
    make(clone, "wheel")
    source = clone / "src" / "flask_safe_migrations" / "errors.py"
    source.write_text(source.read_text() + "\n# changed\n")
    result = make(clone, "wheel", check=False)
    assert result.returncode == 2 and "was released with other contents" in result.stdout
    assert git(clone, "status", "--porcelain").split() == ["M", "src/flask_safe_migrations/errors.py"]


def test_a_version_that_does_not_fit(clone: Path) -> None:
    for version, reason in [
        ("", "not a version"),
        ("next", "not a version"),
        ("1.0; touch x", "not a version"),
        ("v98.0", "make release V=98.0`"),
        ("98.0-rc1", "make release V=98.0rc1`"),
        ("98.0+mine", "make release V=98.0`"),
        ("0.0.9", "not higher than"),
        (current(clone), "not higher than"),
    ]:
        assert reason in refused(clone, version)


def test_what_has_to_be_done_first(clone: Path) -> None:
    (clone / "scratch.txt").touch()
    assert "not committed" in refused(clone, "98.0.0")
    (clone / "scratch.txt").unlink()
    changes = clone / "CHANGELOG.md"
    changes.write_text(
        changes.read_text().replace("## Unreleased\n", "## Unreleased\n\n## 0.0.1 (2026-01-01)\n")
    )
    commit(clone, "nothing new")
    assert "CHANGELOG.md says nothing" in refused(clone, "98.0.0")
    (clone / ".git").rename(clone / "elsewhere")
    result = make(clone, "release", "V=98.0.0", check=False)
    assert result.returncode == 2 and "work in a clone" in result.stdout


def test_a_check_that_fails_changes_nothing(clone: Path) -> None:
    broken = clone / "tools" / "broken.py"
    broken.write_text("import os\n")
    commit(clone, "not pretty")
    result = make(clone, "release", "V=98.0.0", check=False)
    assert result.returncode == 2 and "`make lint` fails, and nothing was changed." in result.stdout
    assert git(clone, "status", "--porcelain") == ""

    broken.unlink()
    test = clone / "tests" / "template" / "test_wheel.py"
    test.write_text("def test_fails() -> None:\n    raise AssertionError\n")
    commit(clone, "a test that fails")
    result = make(clone, "release", "V=98.0.0", check=False)
    assert result.returncode == 2 and "everything is as it was" in result.stdout
    assert git(clone, "status", "--porcelain") == ""
    assert len(list((clone / PROJECT / "vendor").iterdir())) == 1
