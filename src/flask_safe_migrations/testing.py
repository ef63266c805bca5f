"""Helpers for the tests of a project: test databases, and a check that all models are registered."""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from flask import Flask
from sqlalchemy import URL, make_url

from . import backends
from .backends.base import Database
from .errors import MigrationError
from .settings import Settings
from .verification.checks import find_unregistered_models as unregistered

__all__ = ["MigratedDatabases", "create_database", "database_beside", "drop_database", "unregistered"]


def database_beside(url: URL, name: str, folder: Path) -> URL:
    """Return the URL of a test database next to the one at `url`. No other test run uses the same name.

    The database is not created. Example::

        test_url = database_beside(db.engine.url, "main", tmp_path)
        create_database(test_url)

    :param url: the URL of the configured database.
    :param name: distinguishes the databases of one test run.
    :param folder: the folder for a SQLite file.
    """
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(folder / f"{name}.db"))
    base = str(url.database).removesuffix("_dev").removesuffix("_test")
    head = base.encode()[:30].decode(errors="ignore")  # a name has at most 63 bytes
    # Use a random name: another container with the same process id may run its tests on this server.
    return url.set(database=f"{head}_{secrets.token_hex(6)}_{name}_test")


def create_database(url: URL) -> None:
    """Create an empty database. If it exists, it is dropped first.

    :param url: the URL of the database, as returned by :func:`database_beside`.
    """
    database = backends.of(url)
    database.drop()
    database.create()


def drop_database(url: URL) -> None:
    """Drop the database if it exists, and close all connections to it.

    :param url: the URL of the database, as returned by :func:`database_beside`.
    """
    backends.of(url).drop()


class MigratedDatabases:
    """The databases of an application for its tests: the migrations create them once, each app has a copy.

    The rows that revisions insert are in every copy. Example, in conftest.py::

        @pytest.fixture(scope="session")
        def databases(tmp_path_factory):
            with MigratedDatabases(create_app, tmp_path_factory.mktemp("databases")) as databases:
                yield databases

        @pytest.fixture
        def app(databases):
            with databases.app() as app:
                yield app

    With pytest-xdist, each worker has databases of its own. MariaDB copies its databases table by table. With
    many tables, a session fixture ``app`` is faster there.

    :param create_app: is called with a dictionary of settings, which must override all others.
    :param folder: the folder for SQLite files.
    :param settings: more settings for `create_app`, for all applications.
    """

    def __init__(
        self,
        create_app: Callable[[dict[str, Any]], Flask],
        folder: Path,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self._create_app, self._folder = create_app, folder
        self._settings = {"TESTING": True, **(settings or {})}
        self._numbers = itertools.count()
        # The migrated databases, which no application uses: PostgreSQL copies only those without connections.
        self._originals: dict[str | None, Database] = {}
        self._app = create_app({**self._settings, "MIGRATION_DATABASE_URL": None})

    def __enter__(self) -> Self:
        from .api import upgrade

        with self._app.app_context():
            databases = {bind: backends.configured(bind) for bind in Settings.from_app(self._app).db.engines}
        self._originals = self._name_copies(databases)
        try:
            self._drop(self._originals)  # files that a killed run has left in the folder
            app = self._create_on(self._originals, {})
            with app.app_context():
                upgrade()
            _close(app)
        except BaseException:
            self._drop(self._originals)
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._drop(self._originals)

    @contextmanager
    def app(self, **settings: Any) -> Iterator[Flask]:
        """Yield an application on new copies of the databases, which are dropped at the end.

        :param settings: more settings for `create_app`, for this application.
        :raises MigrationError: if the application does not use the databases that the settings name.
        """
        copies = self._name_copies(self._originals)
        try:
            with self._app.app_context():
                for bind, original in self._originals.items():
                    original.copy_to(copies[bind])
            app = self._create_on(copies, settings)
            try:
                yield app
            finally:
                _close(app)
        finally:
            self._drop(copies)

    def _name_copies(self, databases: Mapping[str | None, Database]) -> dict[str | None, Database]:
        number = next(self._numbers)
        return {
            bind: database.with_url(database_beside(database.url, f"{number}_{bind or 'app'}", self._folder))
            for bind, database in databases.items()
        }

    def _create_on(self, databases: Mapping[str | None, Database], settings: dict[str, Any]) -> Flask:
        config = self._app.config
        given = config.get("SQLALCHEMY_BINDS") or {}
        binds = {
            bind: {**(given[bind] if isinstance(given[bind], dict) else {}), "url": databases[bind].url}
            for bind in given
        }
        urls: dict[str, Any] = {"SQLALCHEMY_BINDS": binds, "MIGRATION_DATABASE_URL": None}
        if None in databases:
            urls["SQLALCHEMY_DATABASE_URI"] = databases[None].url
        app = self._create_app({**self._settings, **settings, **urls})
        with app.app_context():
            for bind, engine in Settings.from_app(app).db.engines.items():
                if make_url(engine.url) != databases[bind].url:
                    raise MigrationError(
                        "create_app() does not use the SQLALCHEMY_DATABASE_URI and SQLALCHEMY_BINDS that it "
                        "is called with, so the tests would change a real database: let them override all "
                        "other settings."
                    )
        return app

    def _drop(self, databases: Mapping[str | None, Database]) -> None:
        with self._app.app_context():
            for database in databases.values():
                database.drop()


def _close(app: Flask) -> None:
    """Close all connections. MariaDB waits for open transactions before it drops a database."""
    with app.app_context():
        db = Settings.from_app(app).db
        db.session.remove()
        for engine in db.engines.values():
            engine.dispose()
