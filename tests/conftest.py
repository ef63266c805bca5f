"""Fixtures: `bake(**options)` gives a project that is ready to use; servers start when one is asked for."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import servers
from filelock import FileLock
from project import BakedProject

TEMPLATE = Path(__file__).parent.parent
ENGINES = ["sqlite", "postgresql", "mariadb"]
names = itertools.count(1)

Bake = Callable[..., BakedProject]


@pytest.fixture
def render(cookies) -> Bake:
    """Bake a project with these options, without an environment: for tests that only read it."""

    def render(**options: object) -> BakedProject:
        result = cookies.bake(template=str(TEMPLATE), extra_context=options)
        assert result.exit_code == 0, result.exception
        return BakedProject(result.project_path, str(result.context["package_name"]))

    return render


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One installed environment for all baked projects; the PostgreSQL variant has every dependency."""
    from cookiecutter.main import cookiecutter

    root = tmp_path_factory.getbasetemp().parent
    with FileLock(root / "environment.lock"):
        project = root / "environment" / "my-app"
        if not (project / ".venv" / "ready").exists():
            context = {"database": "postgresql"}
            cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(project.parent), extra_context=context)
            BakedProject(project).make("setup")
    return project / ".venv"


@pytest.fixture
def bake(render: Bake, environment: Path) -> Bake:
    """Bake a project that is ready to use: it shares the environment with all the others."""

    def bake(**options: object) -> BakedProject:
        project = render(**options)
        (project.path / ".venv").symlink_to(environment)
        (environment / "ready").touch()
        return project

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


@pytest.fixture(params=ENGINES)
def anywhere(request: pytest.FixtureRequest, bake: Bake) -> BakedProject:
    """A project on each engine in turn, with a database name of its own that does not exist yet."""
    engine = request.param
    project = bake(database=engine)
    if engine != "sqlite":
        server = request.getfixturevalue(engine)
        project.env["DATABASE_URL"] = server.url(f"shop_{next(names)}_dev")
    return project
