"""Any folder, any home, any of the Pythons, without git or uv; and two projects that share nothing."""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from project import ENGINES, Bake, BakedProject, interpreters

SOME = ("make", "sh", "awk", "touch", "env", "test")


def path_with(folder: Path, *programs: str | Path) -> str:
    """Return a PATH on which there is nothing but these."""
    folder.mkdir()
    for name in map(str, programs):
        found = shutil.which(name)
        assert found, name
        (folder / Path(name).name).symlink_to(found)
    return str(folder)


def use(project: BakedProject) -> None:
    """What everybody does in the first hour."""
    project.make("db")
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    project.make("backup")
    project.make("restore", "args=--yes")
    assert "Pending   nothing" in project.make("status").out
    project.make("rollback", "args=--yes")
    project.make("checkmigrations")
    assert project.sql("SELECT name FROM users") == [("Ada",)]


@pytest.mark.parametrize("name", ["Köln ñandú 日本, it's (50%) #1 & $HOME", "x y" * 67], ids=["odd", "200"])
def test_any_folder(project: BakedProject, tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    project.path = project.path.rename(folder / project.path.name)
    use(project)


def test_without_git_and_with_a_home_that_cannot_be_written(project: BakedProject, tmp_path: Path) -> None:
    project.env |= {"PATH": path_with(tmp_path / "bin", *SOME), "HOME": os.devnull}
    use(project)
    project.make("test")


@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_any_python(render: Bake, tmp_path: Path, version: str) -> None:
    """`make PYTHON=…` decides, whether uv is on the PATH or not; the home cannot be written."""
    if not (python := interpreters().get(version)):
        pytest.skip(f"there is no Python {version} here")
    project = render()
    uv = shutil.which("uv") or Path(sys.executable).with_name("uv")
    # The one that is not asked for comes first on the PATH.
    project.env |= {"PATH": f"{Path(sys.executable).parent}:{path_with(tmp_path / 'bin', *SOME, uv)}"}
    project.env |= {"HOME": os.devnull, "UV_PYTHON_DOWNLOADS": "never"}
    project.make("db", f"PYTHON={python}")
    assert project.run(project.python, "--version").out.startswith(f"Python {version}.")
    assert (project.path / ".uv-cache").is_dir()
    project.make("test")
    project.make("checkmigrations")
    assert project.run(project.python, "--version").out.startswith(f"Python {version}.")
    result = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=init(project),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ".uv-cache" not in result.stdout and ".venv" not in result.stdout


def init(project: BakedProject) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=project.path, check=True)
    return project.path


@pytest.mark.parametrize("engine", ENGINES)
def test_two_projects_side_by_side_share_nothing(
    request: pytest.FixtureRequest, bake: Bake, engine: str
) -> None:
    """On one server, at the same moment: a database, a revision, the checks; each sees its own."""
    projects = [bake(database=engine, project_name=name) for name in ("First Shop", "Second Shop")]
    if engine != "sqlite":
        server = request.getfixturevalue(engine)
        for project in projects:
            project.env["DATABASE_URL"] = server.url(f"{project.package}_dev")

    def work(project: BakedProject) -> str:
        project.make("db")
        project.add_column(f"{project.package}: Mapped[str | None] = mapped_column(String(30))")
        revision = project.revise(project.package)
        project.make("migrate")
        project.make("checkmigrations")
        return revision.read_text(encoding="utf-8")

    with ThreadPoolExecutor() as pool:
        texts = list(pool.map(work, projects))
    for project, text, other in zip(projects, texts, reversed(projects), strict=True):
        assert project.package in text and other.package not in text
        assert project.sql(f"SELECT {project.package} FROM users") == [(None,)]
        assert other.package not in project.make("status").out
    keys = {(project.path / "instance" / "secret_key").read_text() for project in projects}
    assert len(keys) == 2


def test_two_checkouts_of_one_project_share_nothing(bake: Bake, tmp_path: Path) -> None:
    project = bake()
    copy = BakedProject(shutil.copytree(project.path, tmp_path / "copy", symlinks=True))
    project.make("db")
    assert not (copy.path / "instance").exists()
    copy.make("db")
    copy.add_column()
    copy.revise("phone")
    copy.make("migrate")
    assert "Pending   nothing" in project.make("status").out
    assert project.revision != copy.revision
