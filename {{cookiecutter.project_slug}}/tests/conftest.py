"""Fixtures. The migrations create the test database, so tests use the same schema as production."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_safe_migrations.testing import (
    MigratedDatabases,
    create_database,
    database_beside,
    drop_database,
)
from flask_sqlalchemy.session import Session
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import scoped_session
from sqlalchemy.pool import NullPool

from {{ cookiecutter.package_name }} import create_app
from {{ cookiecutter.package_name }}.config import load_dotenv
from {{ cookiecutter.package_name }}.database import db


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MigratedDatabases]:
    """The databases, created once by the migrations. Each `databases.app()` has copies of its own."""
    load_dotenv()
    settings = {"SECRET_KEY": secrets.token_hex()}
    with MigratedDatabases(create_app, tmp_path_factory.mktemp("databases"), settings) as databases:
        yield databases


@pytest.fixture(scope="session")
def app(databases: MigratedDatabases) -> Iterator[Flask]:
    """The application that the tests share; the fixture `session` empties its tables after a test."""
    with databases.app() as app:
        yield app


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
def alembic_engine(app: Flask, tmp_path: Path) -> Iterator[Engine]:
    """For pytest-alembic: an empty database on the engine of the default database."""
    with app.app_context():
        url = database_beside(db.engine.url, "history", tmp_path)
    create_database(url)
    engine = create_engine(url, poolclass=NullPool)
    yield engine
    engine.dispose()
    drop_database(url)
