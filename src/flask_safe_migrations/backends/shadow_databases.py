"""Shadow databases: temporary ones on a server, and files that keep the content of one for the next.

On a server, a lock marks the databases in use, and unused ones are dropped. Processes in several containers
may share a server and have the same host name and pid. Therefore each name has a random part, and its lock
is taken before the database is created: no other process can find it unlocked.
"""

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from .. import settings
from ..errors import MigrationError
from .locking import poll_until

if TYPE_CHECKING:
    from .base import Database
    from .server import Server

KEPT = 5  # stored shadow databases; enough for the branches that a developer switches between
HEAD, TOKEN = 35, 16  # lengths in a database name: the prefix in bytes, and the random suffix


@contextmanager
def server_shadow(owner: "Server", *, create: bool) -> Iterator["Server"]:
    """Yield an empty database that is dropped at the end, or the one that SHADOW_DATABASE_URL names.

    :param create: False if only its name has to be reserved.
    """
    if (url := settings.active().shadow_url) and owner.bind is None:
        with _configured_shadow(owner, url) as given:
            yield given
        return
    with owner.connect_to_maintenance() as connection:
        (made,) = reserve(owner, connection, "shadow", drop=_drop_unused)
        _hold(made, connection)
        made.is_reserved = True
        if create:
            create_reserved(made)
        try:
            yield made
        finally:
            made.drop()


@contextmanager
def _configured_shadow(owner: "Server", url: URL) -> Iterator["Server"]:
    given = owner.with_url(url)
    given.is_given = True
    if url.get_backend_name() != owner.url.get_backend_name():
        raise MigrationError(f"SHADOW_DATABASE_URL leads to another engine than {owner.title}: correct it.")
    if not given.name.endswith("_shadow"):
        raise MigrationError(
            f"SHADOW_DATABASE_URL leads to {given.name}, and all that is in there would be dropped: "
            "it takes a database whose name ends in _shadow."
        )
    # AUTOCOMMIT: many servers end a session that is idle in a transaction, and the lock would end with it.
    try:
        connection = given.create_engine(isolation_level="AUTOCOMMIT").connect()
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise MigrationError(
            f"SHADOW_DATABASE_URL leads to {given}, which cannot be used: {reason}."
        ) from error
    with connection:
        given.keep_alive(connection)
        poll_until(lambda: try_advisory_lock(given, connection), lambda: "another command", str(given))
        _hold(given, connection)
        given.reset()
        try:
            yield given
        finally:
            given.disconnect()
            given.reset()


def _hold(shadow: "Server", connection: Connection) -> None:
    """Use this connection, which holds the lock of the shadow database, wherever another one would do."""
    # Behind a proxy, the nodes of a cluster agree only on what is done under the lock of a migration.
    shadow.is_private = shadow.sees_all_locks(connection)
    shadow.held_maintenance = connection


def create_reserved(made: "Server") -> None:
    """Create the database of a reserved name."""
    made.is_reserved = False
    try:
        made.create()
    except DBAPIError as error:
        reason = str(error.orig).strip().partition("\n")[0]
        raise MigrationError(
            f"A shadow database could not be created: {made.explain_error(error) or reason} Where that is "
            "not allowed, set SHADOW_DATABASE_URL to an empty database whose name ends in _shadow."
        ) from error


def try_advisory_lock(database: "Server", connection: Connection) -> bool:
    """Lock `database` until the connection ends; return False if another process has locked it."""
    return bool(connection.scalar(database.lock_query, _lock_number(database.name)) == 1)


def reserve(
    owner: "Server", connection: Connection, *kinds: str, drop: Callable[["Server"], None]
) -> list["Server"]:
    """Reserve a new database name of each kind and return the databases.

    They are reserved while this connection lasts. Databases of these kinds that killed processes left
    behind are dropped first.
    """
    owner.keep_alive(connection)
    if owner.sees_all_locks(connection):
        _drop_orphans(owner, connection, kinds, drop)
    reserved = []
    for kind in kinds:
        database = owner.with_name(f"{_name_prefix(owner)}_{kind}_{secrets.token_hex(TOKEN // 2)}")
        if not try_advisory_lock(database, connection):
            raise MigrationError(f"{database} is in use by another command: nothing was changed, try again.")
        reserved.append(database)
    return reserved


def _drop_orphans(
    owner: "Server", connection: Connection, kinds: tuple[str, ...], drop: Callable[["Server"], None]
) -> None:
    ours = re.compile(rf"{re.escape(_name_prefix(owner))}_({'|'.join(kinds)})_[0-9a-f]{{{TOKEN}}}")
    for name in connection.scalars(text(owner.list_query)).all():
        if ours.fullmatch(name) and try_advisory_lock(owner.with_name(name), connection):
            with suppress(DBAPIError):  # it may belong to another database whose name has the same prefix
                drop(owner.with_name(name))
            connection.execute(owner.unlock_query, _lock_number(name))


def _drop_unused(database: "Server") -> None:
    """Drop the database unless somebody is connected to it.

    A network failure or a pooler may have ended the lock of a process that is still running.
    """
    with database.connect_to_maintenance() as connection:
        used = connection.scalar(database.users_query, {"name": database.name})
    if not used:
        database.drop()


def _name_prefix(owner: "Server") -> str:
    """Return the first part of the name.

    PostgreSQL truncates names after 63 bytes, which would remove the random suffix.
    """
    return owner.name.encode()[:HEAD].decode(errors="ignore")


def _lock_number(name: str) -> dict[str, int]:
    return {"number": int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)}


def store_as_file(database: "Database", key: str) -> None:
    """Write the content into a file and remove the oldest ones.

    Nothing is written if the engine's dump program is missing.
    """
    with suppress(MigrationError, DBAPIError, OSError):
        database.save_as(_path(database, key))
        files = sorted(_folder().iterdir(), key=lambda path: path.stat().st_mtime)
        for old in files[:-KEPT]:
            old.unlink(missing_ok=True)


def load_from_file(database: "Database", keys: Sequence[str]) -> str | None:
    """Load the first existing file; a file that cannot be loaded counts as missing."""
    for key in keys:
        path = _path(database, key)
        if path.exists():
            try:
                database.load(path)
                os.utime(path)  # mark it as recently used
            except (MigrationError, OSError):
                path.unlink(missing_ok=True)
                database.reset()
                continue
            return key
    return None


def _folder() -> Path:
    return settings.active().instance_folder / "shadow"


def _path(database: "Database", key: str) -> Path:
    return _folder() / f"{key[:32]}.{database.suffix}"
