"""Throwaway databases on a server: a lock says that one is in use, what nobody holds is swept away."""

import hashlib
import os
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from .. import settings
from ..errors import MigrationError
from .locking import wait_for

if TYPE_CHECKING:
    from .server import Server


@contextmanager
def shadow(owner: "Server") -> Iterator["Server"]:
    """Yield an empty database, which is dropped at the end; or the one that SHADOW_DATABASE_URL names."""
    if (url := settings.active().shadow_url) and owner.bind is None:
        with _given(owner, url) as given:
            yield given
        return
    several = zlib.crc32((owner.bind or "").encode())  # two binds may have one beginning
    made = owner.sibling(f"{owner.name[:35]}_shadow_{os.getpid()}{several or ''}")
    with owner.administering() as connection:
        _sweep(owner, connection)
        hold(made, connection)
        _create(made)
        try:
            yield made
        finally:
            made.drop()


@contextmanager
def _given(owner: "Server", url: URL) -> Iterator["Server"]:
    given = owner.at(url)
    given.is_given = True
    if url.get_backend_name() != owner.url.get_backend_name():
        raise MigrationError(f"SHADOW_DATABASE_URL leads to another engine than {owner.title}: mend it.")
    if not given.name.endswith("_shadow"):
        raise MigrationError(
            f"SHADOW_DATABASE_URL leads to {given.name}, and all that is in there would be dropped: "
            "it takes a database whose name ends in _shadow."
        )
    with given.connect() as connection:
        wait_for(lambda: hold(given, connection), lambda: "another command", str(given))
        given.anew()
        try:
            yield given
        finally:
            given.anew()


def _create(made: "Server") -> None:
    try:
        made.drop()
        made.create()
    except DBAPIError as error:
        said = str(error.orig).strip().partition("\n")[0]
        raise MigrationError(
            f"A throwaway database could not be made: {made.explain(error) or said} Where that may not be, "
            "set SHADOW_DATABASE_URL to an empty database whose name ends in _shadow."
        ) from error


def hold(database: "Server", connection: Connection) -> bool:
    """Say until the connection ends that `database` is in use; return False where another one says so."""
    return bool(connection.scalar(database.hold, _number(database.name)) == 1)


def _sweep(owner: "Server", connection: Connection) -> None:
    """Drop what processes that were killed have left."""
    ours = re.compile(rf"{re.escape(owner.name[:35])}_shadow_\d+")
    for name in connection.scalars(text(owner.names)).all():
        if ours.fullmatch(name) and hold(owner.sibling(name), connection):
            with suppress(DBAPIError):  # somebody else's, with the same prefix
                owner.sibling(name).drop()
            connection.execute(owner.let_go, _number(name))


def _number(name: str) -> dict[str, int]:
    return {"number": int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)}
