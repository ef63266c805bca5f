"""However a project is generated, it is the same, byte for byte."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from test_options import files


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The template as it stands in the working tree, committed to a repository of its own."""
    repository = tmp_path / "repository"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=TEMPLATE,
        capture_output=True,
        check=True,
    ).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (TEMPLATE / name).exists():
            target = repository / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((TEMPLATE / name).read_bytes())
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "template"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return repository


def test_local_git_cruft_and_pytest_cookies_agree(render: Bake, repository: Path, tmp_path: Path) -> None:
    expected = files(render())
    url = f"git+file://{repository}"
    ways = {
        "local": ["cookiecutter", "--no-input", repository],
        "git": ["cookiecutter", "--no-input", url],
        "cruft": ["cruft", "create", "--no-input", f"file://{repository}"],
    }
    for way, (program, *arguments) in ways.items():
        folder = tmp_path / way
        folder.mkdir()
        home = {"HOME": str(folder / "home"), "PATH": "/usr/local/bin:/usr/bin:/bin"}
        subprocess.run(
            [Path(sys.executable).with_name(program), *arguments],
            cwd=folder,
            env=home,
            check=True,
            capture_output=True,
        )
        generated = files(type(render())(folder / "my-app"))
        assert generated.pop(".cruft.json", None) is not None or way != "cruft"
        assert generated == expected, way
