"""Fixtures: `bake(**options)` gives a project that is ready to use; servers start when one is asked for."""

import getpass
import hashlib
import inspect
import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import fork_server
import memory
import pytest
import servers
from filelock import FileLock
from project import ENGINES, TEMPLATE, Bake, BakedProject, install_library, names

if TYPE_CHECKING:
    from playwright.sync_api import Browser

memory.keep_temporary_files_in_memory()
fork_server.skip_default_certificates(ssl)

# A shell makes its background jobs, and all that they start, ignore Ctrl-C. Some tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

# What takes minutes by itself (many processes, kills, whole environments, a browser), or is about a server.
LONG = {
    *("adopt_models", "any_machine", "any_name", "benchmarks", "browse", "ci", "connections", "drivers"),
    *(
        "existing_project",
        "first_run",
        "generated_suite",
        "key_sequences",
        "pending_page",
        "properties",
        "release",
        "squash",
    ),
    *("tutorial", "update", "welcome"),
}
# How a test asks for a server that none of its fixtures or parameters shows.
ASKS = re.compile(r'\b(?:on|project_on|started|server_url|getfixturevalue)\("(?:postgresql|mariadb|mysql)')


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Every day a few minutes on SQLite; with CI=true, or where files or -k are given, all there is."""
    if os.environ.get("CI") == "true" or config.option.file_or_dir or config.option.keyword:
        return
    long = [item for item in items if _is_long(item)]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in set(long)]


def _is_long(item: pytest.Item) -> bool:
    return (
        item.path.parent.name == "crash"
        or item.path.stem.removeprefix("test_") in LONG
        or item.get_closest_marker("slow") is not None
        or _needs_server(item)
    )


def _needs_server(item: pytest.Item) -> bool:
    """Whether a fixture or a parameter is a server, or the test asks for one itself."""
    params = getattr(getattr(item, "callspec", None), "params", {}).values()
    named = {*getattr(item, "fixturenames", ()), *map(str, params)}
    if named & {"postgresql", "mariadb", "server_url"}:
        return True
    function = getattr(item, "function", None)
    return bool(function and ASKS.search(inspect.getsource(function)))


@pytest.fixture(scope="session")
def baked(cookies_session) -> Bake:
    """Return what these options give, baked once; it is only to be copied."""
    kept: dict[str, BakedProject] = {}

    def baked(**options: object) -> BakedProject:
        key = repr(sorted(options.items()))
        if key not in kept:
            result = cookies_session.bake(template=str(TEMPLATE), extra_context=options)
            assert result.exit_code == 0, result.exception
            kept[key] = BakedProject(result.project_path, str(result.context["package_name"]))
        return kept[key]

    return baked


@pytest.fixture
def render(baked: Bake, tmp_path: Path) -> Bake:
    """Return a project with these options, without an environment: for tests that only read it.

    What Cookiecutter writes depends on the options alone (test_ways_to_generate.py), so a copy will do.
    """

    def render(**options: object) -> BakedProject:
        return baked(**options).copy_to(tmp_path / "baked" / str(next(names)))

    yield render
    shutil.rmtree(tmp_path / "baked", ignore_errors=True)  # hundreds of them


@pytest.fixture(scope="session")
def environment() -> Iterator[Path]:
    """One installed environment for all baked projects, kept for the next run as well.

    It has the dependencies of the PostgreSQL variant, which are all there are. Not in pytest's own folder:
    that is closed to the user whom the server from the wheel runs as.
    """
    from cookiecutter.main import cookiecutter

    project = TEMPLATE / "{{cookiecutter.project_slug}}"
    dependencies = (project / "pyproject.toml").read_bytes()
    # uv.lock, which some tests copy, holds the digest of the wheel.
    dependencies += b"".join(wheel.read_bytes() for wheel in (project / "vendor").glob("*.whl"))
    key = hashlib.sha256(dependencies + sys.version.encode() + str(TEMPLATE).encode()).hexdigest()[:12]
    root = memory.DISK / f"baked-environment-{getpass.getuser()}-{key}"
    with FileLock(f"{root}.lock"):
        project = root / "my-app"
        squawk = project / ".venv" / "bin" / "squawk"  # only that variant has it
        if not (project / ".venv" / "ready").exists() or not squawk.exists():
            shutil.rmtree(root, ignore_errors=True)
            context = {"database": "postgresql"}
            cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(root), extra_context=context)
            BakedProject(project).make("setup", f"PYTHON={sys.executable}")
            # The library as it stands in the working tree, in the place of the wheel.
            install_library(project / ".venv", TEMPLATE)
    yield project / ".venv"
    assert squawk.exists(), "A test has had `make` fit the shared environment to its own pyproject.toml."


@pytest.fixture
def bake(render: Bake, environment: Path) -> Bake:
    """Bake a project that is ready to use: it shares the environment with all the others."""

    def bake(**options: object) -> BakedProject:
        return render(**options).share(environment)

    return bake


@pytest.fixture
def project(bake: Bake) -> BakedProject:
    """A project with the default options, before its first command."""
    return bake()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[servers.Server]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[servers.Server]:
    with servers.mariadb() as server:
        yield server


@pytest.fixture(scope="session")
def certificates() -> Iterator[Path]:
    with servers.certificates() as folder:
        yield folder


@pytest.fixture
def on(request: pytest.FixtureRequest, bake: Bake) -> Iterator[Bake]:
    """`on(engine, **options)` gives a project with a database name of its own, which does not exist yet."""

    used: list[tuple[servers.Server, str]] = []

    def on(engine: str, **options: object) -> BakedProject:
        project = bake(database=engine, **options)
        if engine != "sqlite":
            server, name = request.getfixturevalue(engine), f"shop_{next(names)}_"
            project.env["DATABASE_URL"] = server.url(f"{name}dev")
            used.append((server, name))
        return project

    yield on
    for server, name in used:
        server.discard(name)


@pytest.fixture(params=ENGINES)
def anywhere(request: pytest.FixtureRequest, on: Bake) -> BakedProject:
    """A project on each engine in turn."""
    return on(request.param)


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """One for the tests of a module; while it runs, their thread has a running event loop."""
    import browsers  # most tests need none

    with browsers.launch() as browser:
        yield browser


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
        if (TEMPLATE / name).is_file():
            target = repository / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((TEMPLATE / name).read_bytes())
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    for command in (["init", "--quiet"], ["add", "."], [*identity, "commit", "--quiet", "-m", "template"]):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return repository
