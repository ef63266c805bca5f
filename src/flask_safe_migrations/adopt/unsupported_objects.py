"""What a database has that no revision will make: told, because a database built anew lacks it."""

from collections.abc import Iterable

from sqlalchemy import Connection

from ..backends.base import Database
from ..backends.schema import differences


def beyond_models(database: Database, shadow: Database, ignoring: Iterable[str] = ()) -> list[str]:
    """Name what the models cannot hold, and what the catalogue has otherwise where they do not look."""
    with database.connect() as connection, shadow.connect() as like:
        had, has = _besides(database, connection), _besides(shadow, like)
        found = differences(shadow.schema(like), database.schema(connection))
    said = sorted(had - has)
    known = tuple(f"{name} " for name in [*said, *(f"table {name}" for name in ignoring)])
    return said + [line for line in found if not line.startswith(known)]


def _besides(database: Database, connection: Connection) -> set[str]:
    """Name what there is besides tables, whether or not it can be put into words."""
    made = {f"{each.kind} {each.name}" for each in database.schema_objects(connection)}
    return made | set(database.unsupported_objects(connection))
