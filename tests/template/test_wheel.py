"""The wheel that a generated project installs is what src/ builds, whoever builds it."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import build_wheel
import pytest
from project import TEMPLATE, clean_environment

PROJECT = TEMPLATE / "{{cookiecutter.project_slug}}"


def make_wheel(repository: Path, *, umask: int = 0o022, **settings: str) -> bytes:
    """Build in a copy of the repository, from another folder; return the wheel."""
    subprocess.run(
        [sys.executable, repository / "tools" / "build_wheel.py"],
        cwd="/",
        umask=umask,
        env=clean_environment() | settings,
        check=True,
    )
    (wheel,) = (repository / PROJECT.name / "vendor").iterdir()
    return wheel.read_bytes()


def test_the_committed_wheel_is_what_the_source_builds(tmp_path: Path) -> None:
    built = build_wheel.build(tmp_path)
    assert [path.name for path in (PROJECT / "vendor").iterdir()] == [built.name], "run `make wheel`"
    assert (PROJECT / "vendor" / built.name).read_bytes() == built.read_bytes(), "run `make wheel`"


def test_the_same_source_gives_the_same_wheel(repository: Path) -> None:
    """Whatever the times and modes of the files, the umask, the locale, the time zone, the folder."""
    first = make_wheel(repository, LC_ALL="C", TZ="UTC")
    older = repository.parent / "somewhere else" / "ü"
    older.parent.mkdir()
    # Anew and from last to first, because a folder may list its files in the order in which they came.
    for path in sorted(repository.rglob("*"), reverse=True):
        if path.is_file() and ".git" not in path.parts:
            target = older / path.relative_to(repository)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
            target.chmod(0o700)
    package = older / "src" / "flask_safe_migrations"
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "errors.cpython-311.pyc").touch()
    (package / ".DS_Store").touch()
    subprocess.run(["find", older, "-exec", "touch", "-d", "2001-02-03", "{}", "+"], check=True)
    settings = {"LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "981158400"}
    assert make_wheel(older, umask=0o077, **settings) == first
    # And it is what it was built from that decides.
    (package / "errors.py").write_text((package / "errors.py").read_text() + "\n")
    assert make_wheel(older) != first


def test_an_older_wheel_does_not_stay(repository: Path) -> None:
    vendor = repository / PROJECT.name / "vendor"
    (vendor / "flask_safe_migrations-0.0.1-py3-none-any.whl").touch()
    make_wheel(repository)  # finds exactly one file
    assert not (vendor / ".gitignore").exists()


def test_a_build_that_fails_leaves_the_wheel(repository: Path) -> None:
    (wheel,) = (repository / PROJECT.name / "vendor").iterdir()
    before = wheel.read_bytes()
    (repository / "src" / "flask_safe_migrations" / "__init__.py").unlink()
    command = [sys.executable, repository / "tools" / "build_wheel.py"]
    result = subprocess.run(command, capture_output=True, text=True, check=False, env=clean_environment())
    assert result.returncode == 1 and "as it was" in result.stderr and "Traceback" not in result.stderr
    assert wheel.read_bytes() == before


def test_what_is_in_the_wheel(tmp_path: Path) -> None:
    """The package with its types and its license; nothing that runs, nothing of the tests."""
    with zipfile.ZipFile(build_wheel.build(tmp_path)) as wheel:
        names = wheel.namelist()
        (metadata,) = [wheel.read(name).decode() for name in names if name.endswith("/METADATA")]
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"flask_safe_migrations", f"flask_safe_migrations-{build_wheel.version()}.dist-info"}
    assert "flask_safe_migrations/py.typed" in names
    assert [name for name in names if name.endswith("licenses/LICENSE")]
    assert f"\nVersion: {build_wheel.version()}\n" in metadata
    modules = {f"{path.relative_to(TEMPLATE / 'src')}" for path in (TEMPLATE / "src").rglob("*.py")}
    assert modules <= set(names)


def test_the_generated_project_installs_this_version() -> None:
    text = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    (path,) = re.findall(r'^flask-safe-migrations = \{ path = "(.+)" \}$', text, re.MULTILINE)
    assert path == f"vendor/flask_safe_migrations-{build_wheel.version()}-py3-none-any.whl"
    assert (PROJECT / path).is_file(), "run `make wheel`"


def test_one_version_of_the_build_backend() -> None:
    """It writes its own version into the wheel."""
    system = tomllib.loads((TEMPLATE / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]
    assert [bool(re.fullmatch(r"uv_build==\d+\.\d+\.\d+", line)) for line in system["requires"]] == [True]


@pytest.mark.parametrize("name", ["__version__", "Environment", "Migrate", "NAMING_CONVENTION"])
def test_the_package_is_light_until_it_is_used(name: str) -> None:
    heavy = ["alembic", "flask_migrate"]
    code = (
        f"import sys, flask_safe_migrations as f; print([n for n in {heavy} if n in sys.modules], f.{name})"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.startswith("[] ") and len(result.stdout) > 5
