"""The test database is made by the migrations, so that what is tested is what production gets."""

import os
from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import scoped_session
from sqlalchemy.pool import NullPool

from migrations import engines
from {{ cookiecutter.package_name }} import create_app
from {{ cookiecutter.package_name }}.config import load_dotenv
from {{ cookiecutter.package_name }}.database import db


def _test_url(name: str, folder: Path) -> URL:
    """Return a database beside the development one, or a file in a temporary folder."""
    load_dotenv()
    url: URL = create_app().config["SQLALCHEMY_DATABASE_URI"]
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(folder / f"{name}.db"))
    base = str(url.database).removesuffix("_dev").removesuffix("_test")
    return url.set(database=f"{base[:40]}_{os.getpid()}_{name}_test")


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on a database of its own; `url = URL.create("sqlite")` would keep that in memory."""
    url = _test_url("app", tmp_path_factory.mktemp("database"))
    app = create_app({"TESTING": True, "SQLALCHEMY_DATABASE_URI": url, "SECRET_KEY": "only for tests"})
    with app.app_context():
        flask_migrate.upgrade()
    yield app
    with app.app_context():
        db.engine.dispose()
    engines.of(url).drop()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[scoped_session]:
    """A session; after the test all tables are empty again."""
    with app.app_context():
        yield db.session
        db.session.rollback()
        for table in reversed(db.metadata.sorted_tables):
            db.session.execute(table.delete())
        db.session.commit()


@pytest.fixture
def alembic_engine(tmp_path: Path) -> Iterator[Engine]:
    """For pytest-alembic: an empty database on the engine of this project."""
    database = engines.of(_test_url("history", tmp_path))
    database.drop()
    database.create()
    engine = create_engine(database.url, poolclass=NullPool)
    yield engine
    engine.dispose()
    database.drop()
