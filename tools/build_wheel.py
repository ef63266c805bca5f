"""`make wheel`: build the library, and put the wheel where the generated project installs it from.

The build is reproducible byte for byte. tests/template/test_wheel.py checks that.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "{{cookiecutter.project_slug}}" / "vendor"
# All inputs of the build backend.
SOURCES = ("LICENSE", "README.md", "pyproject.toml", "src")


def main() -> None:
    """Replace the wheel in vendor/.

    Exit with code 1 and one sentence if uv is missing, the build fails, or a wheel of this version was
    released with other contents.
    """
    with tempfile.TemporaryDirectory(prefix="wheel-") as name:
        wheel = build(Path(name))
        if released_as(wheel.name) not in {None, wheel.read_bytes()}:
            sys.exit(
                f"{wheel.name} was released with other contents, and who has locked them gets a hash error: "
                "type `make release V=…` with a higher version."
            )
        for older in VENDOR.glob("*.whl"):
            older.unlink()
        VENDOR.mkdir(exist_ok=True)
        shutil.copyfile(wheel, VENDOR / wheel.name)
    print(f"Built {(VENDOR / wheel.name).relative_to(ROOT)}")


def build(folder: Path, root: Path = ROOT) -> Path:
    """Build the wheel of the library in `root` in `folder`, and return its path.

    Build from a copy, and not into vendor/. uv puts a .gitignore with `*` next to the wheel, and includes all
    files below src/, also those that a file manager has left there. The copies have no executable bit, which
    would otherwise be stored in the wheel.
    """
    copy, out = folder / "source", folder / "out"
    for path in sorted(found for name in SOURCES for found in [root / name, *(root / name).rglob("*")]):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(part.startswith(".") or part == "__pycache__" for part in parts):
            target = copy.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    # Look next to this Python first, where `make` installs uv if the machine has none.
    uv = shutil.which("uv", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    if uv is None:
        sys.exit("uv is missing: `pip install uv`.")
    result = subprocess.run(  # noqa: S603
        [uv, "build", "--quiet", "--wheel", "--out-dir", out, copy],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if result.returncode:
        sys.exit(f"{result.stderr}The wheel could not be built, and the one in vendor/ is as it was.")
    (wheel,) = out.glob("*.whl")
    return wheel


def version(root: Path = ROOT) -> str:
    """Return the version of the library. In the source, it is only in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["version"])


def released_as(name: str) -> bytes | None:
    """Return the wheel of this name at the tag of this version. None if it was not released."""
    file = f"v{version()}:{(VENDOR / name).relative_to(ROOT).as_posix()}"
    if shutil.which("git") is None:
        return None
    result = subprocess.run(["git", "show", file], cwd=ROOT, capture_output=True, check=False)  # noqa: S603, S607
    return None if result.returncode else result.stdout


if __name__ == "__main__":
    main()
