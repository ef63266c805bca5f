"""Help for a project's own tests: databases beside the configured ones, and facts about the revisions."""

import secrets
from pathlib import Path

from sqlalchemy import URL

from . import backends
from .verification.checks import find_unregistered_models as unregistered

__all__ = ["create_database", "database_beside", "drop_database", "unregistered"]


def database_beside(url: URL, name: str, folder: Path) -> URL:
    """Return the URL of a test database beside the one at `url`, which no other test run uses.

    :param name: tells several databases of one test run apart.
    :param folder: where a SQLite file goes.
    """
    if url.get_backend_name() == "sqlite":
        return url.set(database=str(folder / f"{name}.db"))
    base = str(url.database).removesuffix("_dev").removesuffix("_test")
    head = base.encode()[:30].decode(errors="ignore")  # a name has at most 63 bytes
    # Nobody else's: another container may run its tests on this server as well, with the same process id.
    return url.set(database=f"{head}_{secrets.token_hex(6)}_{name}_test")


def create_database(url: URL) -> None:
    """Make an empty database; one that exists is dropped first."""
    database = backends.of(url)
    database.drop()
    database.create()


def drop_database(url: URL) -> None:
    """Drop the database where it exists, whoever is connected to it."""
    backends.of(url).drop()
