"""The test database is made by the migrations, so that what is tested is what production gets."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_sqlalchemy.session import Session
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import scoped_session
from sqlalchemy.pool import NullPool

from migrations import engines
from {{ cookiecutter.package_name }} import create_app
from {{ cookiecutter.package_name }}.config import load_dotenv
from {{ cookiecutter.package_name }}.database import db


def _test_urls(name: str, folder: Path) -> dict[str | None, URL]:
    """Return for each database (the default one: None) one beside it, or a file in a temporary folder."""
    load_dotenv()
    config = create_app().config
    urls = {bind: options["url"] for bind, options in config["SQLALCHEMY_BINDS"].items()}
    return {
        bind: _beside(url, f"{name}{number or ''}", folder)
        for number, (bind, url) in enumerate({None: config["SQLALCHEMY_DATABASE_URI"], **urls}.items())
    }


def _beside(url: URL, name: str, folder: Path) -> URL:
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(folder / f"{name}.db"))
    base = str(url.database).removesuffix("_dev").removesuffix("_test")
    head = base.encode()[:30].decode(errors="ignore")  # a name has at most 63 bytes
    # Nobody else's: another container may run its tests on this server as well, with the same process id.
    return url.set(database=f"{head}_{secrets.token_hex(6)}_{name}_test")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on databases of its own; `URL.create("sqlite")` for one would keep that in memory."""
    urls = _test_urls("app", tmp_path_factory.mktemp("database"))
    default, *_ = urls.values()
    binds = {bind: url for bind, url in urls.items() if bind}
    settings = {"SQLALCHEMY_DATABASE_URI": default, "SQLALCHEMY_BINDS": binds}
    app = create_app({"TESTING": True, "SECRET_KEY": "only for tests", **settings})
    with app.app_context():
        flask_migrate.upgrade()
    yield app
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()
    for url in urls.values():
        engines.of(url).drop()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[scoped_session[Session]]:
    """A session; after the test all tables are empty again."""
    with app.app_context():
        yield db.session
        db.session.rollback()
        for metadata in db.metadatas.values():
            for table in reversed(metadata.sorted_tables):
                db.session.execute(table.delete())
        db.session.commit()


@pytest.fixture
def alembic_engine(tmp_path: Path) -> Iterator[Engine]:
    """For pytest-alembic: an empty database on the engine of this project, the default one."""
    database = engines.of(_test_urls("history", tmp_path)[None])
    database.drop()
    database.create()
    engine = create_engine(database.url, poolclass=NullPool)
    yield engine
    engine.dispose()
    database.drop()
