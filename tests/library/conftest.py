"""Tests of the library in this process: a package in a temporary folder, `flask` by its command runner."""

import importlib
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from histories import write_revision
from project import names
from servers import Server
from sqlalchemy import create_engine, text

PACKAGE = """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_safe_migrations import NAMING_CONVENTION, Migrate
from sqlalchemy import MetaData

db = SQLAlchemy({metadata})
migrate = Migrate({arguments})


{models}


def create_app(settings=None):
    app = Flask(__name__, instance_path={instance!r})
    app.config.update({config!r} | (settings or {{}}))
    db.init_app(app)
    migrate.init_app(app, db)
    return app
"""
USER = """
class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(120), nullable=False, unique=True)
"""


class Project:
    """A package with an application factory, which every command imports again."""

    def __init__(self, path: Path, url: str) -> None:
        self.path = path
        self.name = f"shop{next(names)}"
        self.arguments = ""
        self.metadata = "metadata=MetaData(naming_convention=NAMING_CONVENTION)"
        self.models = USER
        self.config: dict[str, Any] = {"SQLALCHEMY_DATABASE_URI": url}

    @property
    def url(self) -> str:
        return self.config["SQLALCHEMY_DATABASE_URI"]

    @property
    def migrations(self) -> Path:
        return self.path / "migrations"

    @property
    def versions(self) -> list[Path]:
        return sorted((self.migrations / "versions").glob("*.py"))

    def create_app(self, settings: dict[str, Any] | None = None) -> Any:
        """Write the package and import it, whatever was imported before."""
        file = self.path / self.name / "__init__.py"
        file.parent.mkdir(exist_ok=True)
        fields = {"arguments": self.arguments, "models": self.models, "config": self.config}
        fields["metadata"] = self.metadata
        file.write_text(PACKAGE.format(**fields, instance=str(self.path / "instance")))
        sys.modules.pop(self.name, None)
        importlib.invalidate_caches()
        return importlib.import_module(self.name).create_app(settings)

    def run(self, *arguments: str) -> Result:
        app = self.create_app()
        result = app.test_cli_runner().invoke(args=["db", *arguments])
        for engine in self.engines(app):
            engine.dispose()
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    @staticmethod
    def engines(app: Any) -> list[Any]:
        with app.app_context():
            return list(app.extensions["sqlalchemy"].engines.values())

    def flask(self, *arguments: str) -> str:
        """Run `flask db …`, which has to succeed; return what it printed."""
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.output

    def fails(self, *arguments: str, code: int = 1) -> str:
        """Run `flask db …`, which has to fail; return the last line, which is the reason."""
        result = self.run(*arguments)
        assert result.exit_code == code, result.output
        return result.output.strip().splitlines()[-1]

    def sql(self, statement: str, url: str | None = None) -> list[Any]:
        engine = create_engine(url or self.url)
        try:
            with engine.begin() as connection:
                result = connection.execute(text(statement))
                return list(result.all()) if result.returns_rows else []
        finally:
            engine.dispose()


@pytest.fixture
def new_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Project]]:
    """`new_project(url)` gives a project without a migrations folder, on SQLite where no URL is given."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # two versions of one size in one second
    monkeypatch.setenv("FLASK_DEBUG", "1")
    (tmp_path / "instance").mkdir()
    levels = {name: logging.getLogger(name).level for name in ("alembic", "flask_safe_migrations")}

    def new_project(url: str | None = None) -> Project:
        return Project(tmp_path, url or f"sqlite:///{tmp_path}/instance/shop_dev.db")

    yield new_project
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


@pytest.fixture
def project(new_project: Callable[..., Project]) -> Project:
    """A project on SQLite with the folder that `flask db init` writes."""
    project = new_project()
    project.flask("init")
    return project


@pytest.fixture
def project_on(
    new_project: Callable[..., Project], request: pytest.FixtureRequest
) -> Callable[[str], Project]:
    """`project_on("mariadb")` gives a project on that engine, with the folder that `flask db init` writes."""

    def project_on(engine: str) -> Project:
        drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
        url = None if engine == "sqlite" else request.getfixturevalue("server_url")(drivers[engine])
        project = new_project(url)
        project.flask("init")
        return project

    return project_on


ITEM = """
def upgrade():
    op.create_table("item", sa.Column("id", sa.Integer, primary_key=True))
def downgrade():
    op.drop_table("item")
"""


@pytest.fixture
def started(project_on: Callable[[str], Project]) -> Callable[[str], Project]:
    """`started("mariadb")` gives a project with one model, whose revision is applied."""

    def started(engine: str) -> Project:
        project = project_on(engine)
        project.models = "class Item(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n"
        write_revision(project, "start", ITEM)
        project.flask("upgrade")
        return project

    return started


@pytest.fixture
def server_url(request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """`server_url("postgresql+psycopg2")` gives a URL with that driver, of a database that does not exist."""

    used: list[tuple[Server, str]] = []

    def server_url(drivername: str) -> str:
        engine = "postgresql" if drivername.startswith("postgresql") else "mariadb"
        server, name = request.getfixturevalue(engine), f"library_{next(names)}_"
        used.append((server, name))
        _, _, rest = server.url(f"{name}dev").partition("://")
        return f"{drivername}://{rest}"

    yield server_url
    for server, name in used:
        server.discard(name)
