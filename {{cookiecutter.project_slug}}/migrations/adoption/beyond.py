"""What a database has that no revision will make: told, because a database built anew lacks it."""

from collections.abc import Iterable

from sqlalchemy import text

from ..engines.base import Database
from ..engines.schema import differences


def beyond_models(database: Database, shadow: Database, ignoring: Iterable[str] = ()) -> list[str]:
    """Name what the models cannot hold, and what the catalogue has otherwise where they do not look."""
    with database.connect() as connection, shadow.connect() as like:
        query = text(database.beyond_models)
        had, has = (set(side.scalars(query)) for side in (connection, like))
        found = differences(shadow.schema(like), database.schema(connection))
    said = sorted(had - has)
    known = tuple(f"{name} " for name in [*said, *(f"table {name}" for name in ignoring)])
    return said + [line for line in found if not line.startswith(known)]
