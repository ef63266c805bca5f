"""The true first run: nothing but Python, make and git; an environment of its own, installed from nothing."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import TEMPLATE, Bake, BakedProject
from servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """A PATH with Python and what every system has, but without uv and database servers."""
    folder = tmp_path / "bin"
    folder.mkdir()
    python = Path(sys.base_prefix, "bin", "python3").resolve()
    # through a script, because a shim or a link would look for its library in the wrong place
    (folder / "python3").write_text(f'#!/bin/sh\nexec "{python}" "$@"\n')
    (folder / "python3").chmod(0o755)
    for name in ("make", "git", "sh", "awk", "touch", "env"):
        (folder / name).symlink_to(shutil.which(name))
    return str(folder)


def test_make_db_on_a_machine_with_nothing(render: Bake, bare_path: str, tmp_path: Path) -> None:
    """Also: a folder with a space, and a home that is empty."""
    project = render()
    project.path = project.path.rename(tmp_path / "a folder")
    project.env |= {
        "PATH": bare_path,
        "HOME": str(tmp_path / "home"),
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }
    out = project.make("db").out
    assert "Setting up .venv" in out and "empty → 3f1d9a62c0b7 (baseline)" in out
    assert project.sql("SELECT name FROM users") == [("Ada",)]
    assert (project.path / "uv.lock").exists()
    assert list((project.path / ".venv").rglob("sqlalchemy/__pycache__/*.pyc"))
    assert_library_from_vendor(project)
    (wheel,) = (project.path / "vendor").iterdir()
    # Relative, so that the lock is the same on all machines.
    assert f'source = {{ path = "vendor/{wheel.name}" }}' in (project.path / "uv.lock").read_text()

    assert "Setting up" not in project.make("status").out
    project.make("test")
    project.make("lint")
    # A change of the dependencies is taken up by itself.
    project.edit("pyproject.toml", '    "flask>=3.1,<4",', '    "flask>=3.1,<4",\n    "humanize>=4,<5",')
    assert "Setting up" in project.make("status").out
    project.run(project.python, "-c", "import humanize")


def assert_library_from_vendor(project: BakedProject) -> None:
    """Not the working tree's src/, as in the environment that other tests share."""
    (wheel,) = (project.path / "vendor").iterdir()
    code = (
        "import flask_safe_migrations as f; from importlib.metadata import distribution as d; "
        "print(f.__version__, f.__file__, d('flask-safe-migrations').read_text('direct_url.json'), sep='\\n')"
    )
    version, file, origin = project.run(project.python, "-c", code).out.splitlines()
    assert wheel.name == f"flask_safe_migrations-{version}-py3-none-any.whl"
    assert Path(file).is_relative_to(project.path / ".venv") and f"/vendor/{wheel.name}" in origin
    with zipfile.ZipFile(wheel) as built:
        package = Path(file).parent.parent
        modules = [name for name in built.namelist() if name.endswith(".py")]
        assert [name for name in modules if (package / name).read_bytes() != built.read(name)] == []


def test_with_plain_pip(render: Bake) -> None:
    """In a project that knows nothing of uv; the library brings Alembic, Flask-Migrate and SQLAlchemy."""
    project = render()
    project.run(sys.executable, "-m", "venv", ".venv")
    pip = f"{project.python} -m pip install --quiet --disable-pip-version-check"
    project.run("sh", "-c", f"{pip} ./vendor/*.whl")
    assert_library_from_vendor(project)
    project.run(project.python, "-m", "pip", "check")
    project.run("sh", "-c", f"{pip} python-dotenv")  # what else the application imports
    project.flask("db", "upgrade")
    assert "Pending   nothing" in project.flask("db", "status").out
    project.flask("db", "verify")


def test_a_wheel_with_other_contents_needs_another_version(render: Bake, tmp_path: Path) -> None:
    """In a locked project; else a project would change without a change of its lock."""
    project = render()
    uv = shutil.which("uv") or Path(sys.executable).with_name("uv")
    project.env["UV_CACHE_DIR"] = str(tmp_path / "cache")
    project.run(uv, "lock", "--quiet")
    (wheel,) = (project.path / "vendor").iterdir()
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.comment = b"other contents"
    out = project.run(uv, "sync", "--frozen", "--no-dev", check=False)
    assert out.returncode and "Hash mismatch" in out.out and wheel.name in out.out, out.out

    version = wheel.name.split("-")[1]
    project.edit("pyproject.toml", wheel.name, wheel.name.replace(version, "98.0.0"))
    repack(wheel, wheel.with_name(wheel.name.replace(version, "98.0.0")), version, "98.0.0")
    wheel.unlink()
    project.run(uv, "sync", "--quiet", "--no-dev")
    assert_library_from_vendor(project)


def repack(old: Path, new: Path, version: str, wanted: str) -> None:
    """Write the wheel again as one of another version."""
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(new, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if ".dist-info/" in name:
                content = content.replace(version.encode(), wanted.encode())
            if not name.endswith("/RECORD"):
                target.writestr(name.replace(version, wanted), content)
        target.writestr(f"flask_safe_migrations-{wanted}.dist-info/RECORD", "")


def test_without_make(render: Bake, tmp_path: Path) -> None:
    project = render()
    uv = shutil.which("uv") or Path(sys.executable).with_name("uv")
    project.run(uv, "sync", "--quiet")
    for command in ("db upgrade", "seed", "db status", "db rebuild"):
        project.run(uv, "run", "flask", *command.split())
    assert_library_from_vendor(project)
    assert project.sql("SELECT name FROM users") == [("Ada",)]


def wait_until_stopped(folder: Path) -> None:
    for _ in range(100):
        if not (folder / "postmaster.pid").exists():
            return
        time.sleep(0.1)
    raise AssertionError("the server from the wheel still runs")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder outside pytest's, which are closed to the user that the server runs as."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("folder", ["plain", "a folder & more"])
def test_postgresql_without_a_server(bake: Bake, open_folder: Path, folder: str) -> None:
    """Development falls back to one from a wheel, says so, keeps its data and stops by itself."""
    project = bake(database="postgresql")
    project.path = project.path.rename(open_folder / folder)
    project.edit(f"{project.package}/config.py", "@localhost/", f"@127.0.0.1:{free_port()}/")
    data = project.path / "instance" / "postgresql"
    out = project.make("db").out
    assert "No PostgreSQL answers" in out and "instance/postgresql" in out
    assert "3f1d9a62c0b7 (baseline)" in out
    wait_until_stopped(data)
    project.add_column()
    project.revise("phone")
    project.make("migrate")
    status = project.make("status").out
    assert "PostgreSQL 18" in status and "Pending   nothing" in status
    assert "12 passed" in project.make("test").out
    code = "from sqlalchemy import select\nprint([user.name for user in db.session.scalars(select(User))])"
    result = project.run("sh", "-c", f"echo '{code}' | make shell")
    assert "['Ada']" in result.out
    wait_until_stopped(data)


def test_mariadb_without_a_server_names_the_two_ways(bake: Bake) -> None:
    project = bake(database="mariadb")
    project.edit(f"{project.package}/config.py", "@localhost/", f"@127.0.0.1:{free_port()}/")
    out = project.make("db", check=False).out
    assert "docker compose up" in out and "apt install mariadb-server" in out and "Traceback" not in out


@pytest.mark.parametrize("debug", ["1", "0"])
def test_make_run_serves_the_welcome_page_and_health(project: BakedProject, debug: str) -> None:
    def get(path: str) -> str:
        for _ in range(100):
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).read().decode()
            except OSError:
                time.sleep(0.1)
        raise AssertionError("the server does not answer")

    project.make("db")
    port = free_port()
    environment = project.env | {
        "FLASK_RUN_PORT": str(port),
        "FLASK_DEBUG": debug,
        "SECRET_KEY": "9f6a1c8e7b",
    }
    with subprocess.Popen(
        ["make", "run"],
        cwd=project.path,
        env={"PATH": os.environ["PATH"]} | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as server:
        try:
            page = get("/")
            assert json.loads(get("/health")) == {"database": "ok", "status": "ok"}
            details = ["My App", "my_app.db", "3f1d9a62c0b7", "tags", "user_tags", "make newmigration"]
            assert [text in page for text in details] == [True] + [debug == "1"] * 5
            if debug == "1":
                # An idle development server does not stand in the way.
                project.make("db")
                assert "3f1d9a62c0b7" in get("/")
        finally:
            os.killpg(server.pid, 15)


def test_the_demo_of_the_template(tmp_path: Path) -> None:
    """`make demo` is the first thing a visitor runs; here on a copy, so that nothing is left behind."""
    ignore = shutil.ignore_patterns(".venv", ".git", "demo", "__pycache__", ".pytest_cache", ".ruff_cache")
    copy = shutil.copytree(TEMPLATE, tmp_path / "template", ignore=ignore)
    (copy / ".venv").symlink_to(TEMPLATE / ".venv")
    out = BakedProject(copy, forks=False).run("sh", "tests/demo.sh").out
    rows = re.findall(r"^\(?1, 'ada@example.com', 'Ada'.*$", out, re.MULTILINE)
    assert len(rows) == 2 and "None" in rows[1]
