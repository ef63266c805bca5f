"""However a project is generated, it is the same, byte for byte."""

import subprocess
import sys
from pathlib import Path

from project import Bake
from test_options import files


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
