"""Fixtures. The migrations create the test database, so tests use the same schema as production."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_safe_migrations.testing import create_database, database_beside, drop_database
from flask_sqlalchemy.session import Session
from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import scoped_session
from sqlalchemy.pool import NullPool

from {{ cookiecutter.package_name }} import create_app
from {{ cookiecutter.package_name }}.config import load_dotenv
from {{ cookiecutter.package_name }}.database import db


def _test_urls(name: str, folder: Path) -> dict[str | None, URL]:
    """Return the URL of a test database for each bind (None: the default). SQLite files go into `folder`."""
    load_dotenv()
    config = create_app().config
    urls = {bind: options["url"] for bind, options in config["SQLALCHEMY_BINDS"].items()}
    return {
        bind: database_beside(url, f"{name}{number or ''}", folder)
        for number, (bind, url) in enumerate({None: config["SQLALCHEMY_DATABASE_URI"], **urls}.items())
    }


@pytest.fixture(scope="session")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The application on its own databases. `URL.create("sqlite")` instead keeps a database in memory."""
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
        drop_database(url)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def session(app: Flask) -> Iterator[scoped_session[Session]]:
    """A session. All tables are emptied after the test."""
    with app.app_context():
        yield db.session
        db.session.rollback()
        for metadata in db.metadatas.values():
            for table in reversed(metadata.sorted_tables):
                db.session.execute(table.delete())
        db.session.commit()


@pytest.fixture
def alembic_engine(tmp_path: Path) -> Iterator[Engine]:
    """For pytest-alembic: an empty database on the engine of the default database."""
    url = _test_urls("history", tmp_path)[None]
    create_database(url)
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()
    drop_database(url)
