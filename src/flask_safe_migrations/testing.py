"""Helpers for the tests of a project: test databases, and a check that all models are registered."""

import secrets
from pathlib import Path

from sqlalchemy import URL

from . import backends
from .verification.checks import find_unregistered_models as unregistered

__all__ = ["create_database", "database_beside", "drop_database", "unregistered"]


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
