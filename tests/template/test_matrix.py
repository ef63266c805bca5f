"""Every row of matrix.py on every engine, through the real commands; nobody edits a revision."""

import itertools
import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path

import pytest
from matrix import MATRIX, Row
from project import ENGINES, TEMPLATE, BakedProject, clean_environment
from servers import Server

IMPORTS = """
import sqlalchemy as sa
from sqlalchemy import *
from sqlalchemy.dialects import mysql, postgresql
from ..database import db

"""


numbers = itertools.count(1)

MAINTENANCE = {"postgresql": "postgres", "mariadb": "mysql"}


class Matrix:
    """One baked project and the process that runs its commands; a row starts with an empty history."""

    def __init__(
        self, project: BakedProject, process: subprocess.Popen, url: str, server: Server | None
    ) -> None:
        self.project, self.process, self.url, self.server = project, process, url, server
        self.beginnings: dict[str, tuple[str, str]] = {}

    @contextmanager
    def started(self) -> Iterator[None]:
        """A database without anything, and no revisions."""
        for path in self.project.versions:
            path.unlink()
        name = f"row_{next(numbers)}_"
        self._send({"verb": "begin", "env": {"DATABASE_URL": self.url.format(name)}})
        try:
            yield
        finally:
            self._send({"verb": "end"})
            if self.server:
                self.server.discard(name)

    def _send(self, request: dict) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ask(self, verb: str, *arguments: str, code: int | None = 0) -> str:
        answer = self._send({"verb": verb, "arguments": arguments})
        if code is not None:
            newest = "".join(path.read_text() for path in self.project.versions[-1:])
            assert answer["code"] == code, f"{verb} {' '.join(arguments)}\n{answer['out']}\n{newest}"
        return answer["out"]

    def flask(self, *arguments: str, code: int | None = 0) -> str:
        return self.ask("flask", "db", *arguments, code=code)

    def models(self, text: str) -> None:
        self.ask("models", str(self.project.models / "tables.py"), IMPORTS + text)

    def begin_with(self, models: str) -> None:
        """Make the first revision; many rows begin with the same one."""
        self.models(models)
        if models in self.beginnings:
            name, text = self.beginnings[models]
            (self.project.path / "migrations" / "versions" / name).write_text(text)
            return
        self.flask("new", "-m", "before")
        (path,) = self.project.versions
        self.beginnings[models] = path.name, path.read_text()

    def schema(self) -> dict:
        return json.loads(self.ask("schema"))


@pytest.fixture(scope="module")
def matrix_on(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, environment: Path
) -> Iterator[Callable[[str], Matrix]]:
    """The matrix on an engine: made when it is first asked for."""
    with ExitStack() as stack:

        @cache
        def matrix_on(engine: str) -> Matrix:
            folder = tmp_path_factory.mktemp("matrix")
            project = bake(engine, folder, environment)
            if engine == "sqlite":
                return stack.enter_context(started(project, f"sqlite:///{folder}/{{}}.db"))
            server = request.getfixturevalue(engine)
            # One throwaway database for all; making one takes these servers longer than a row.
            project.env["DATABASE_URL"] = server.url(MAINTENANCE[engine])
            # A number, because a worker that takes over rows from another one makes the fixture once more.
            shadow = f"matrix_{next(numbers)}_shadow"
            project.sql(f"CREATE DATABASE {shadow}")
            # Reading all the certificates of the machine for each connection takes PyMySQL longer still.
            options = "?ssl_disabled=true" if engine == "mariadb" else ""
            project.env["SHADOW_DATABASE_URL"] = server.url(shadow) + options
            return stack.enter_context(started(project, server.url("{}dev") + options, server))

        yield matrix_on


def bake(engine: str, folder: Path, environment: Path) -> BakedProject:
    from cookiecutter.main import cookiecutter

    context = {"database": engine, "example_models": False}
    path = cookiecutter(str(TEMPLATE), no_input=True, output_dir=str(folder), extra_context=context)
    project = BakedProject(Path(path))
    (project.path / ".venv").symlink_to(environment)
    return project


@contextmanager
def started(project: BakedProject, url: str, server: Server | None = None) -> Iterator[Matrix]:
    driver = subprocess.Popen(
        [project.python, TEMPLATE / "tests" / "matrix_driver.py"],
        cwd=project.path,
        env=clean_environment() | project.env | {"SECRET_KEY": "only for tests"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield Matrix(project, driver, url, server)
    driver.stdin.close()
    assert driver.wait(20) == 0


CASES = [
    pytest.param(engine, row, id=f"{engine}-{row.name}")
    for engine in ENGINES
    for row in MATRIX
    if engine in row.engines
]


@pytest.mark.parametrize(("engine", "row"), CASES)
def test_matrix(matrix_on: Callable[[str], Matrix], engine: str, row: Row) -> None:
    matrix = matrix_on(engine)
    with matrix.started():
        matrix.begin_with(row.before)
        matrix.flask("upgrade")
        before = matrix.schema()
        matrix.ask("sql", *row.rows)
        matrix.models(row.after)
        if refused := row.refused or row.outputs.get(engine):
            outputs = matrix.flask("new", "-m", "after", *row.options, code=None)
            assert refused.casefold() in outputs.casefold() and "Traceback" not in outputs, outputs
            assert len(matrix.project.versions) == 1 + (refused == "Not proved")  # then the file stays
        else:
            there_and_back(matrix, row, before)


def there_and_back(matrix: Matrix, row: Row, before: dict) -> None:
    outputs = matrix.flask("new", "-m", "after", *row.options)
    assert len(matrix.project.versions) == 2, outputs
    matrix.flask("upgrade")
    matrix.flask("check")
    if row.query:
        assert json.loads(matrix.ask("sql", row.query)) == row.expected
    after = matrix.schema()
    matrix.flask("downgrade", "--yes")
    assert matrix.schema() == before
    matrix.flask("upgrade")
    assert matrix.schema() == after
