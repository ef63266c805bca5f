"""Which rows a revision for data is about: what script.py.mako needs to know of them."""

from dataclasses import dataclass, field

from ..errors import UsageError
from ..runtime import binds


@dataclass
class Backfill:
    table: str = "your_table"
    column: str = "your_column"
    schema: str | None = None
    key: str = "id"
    columns: list[str] = field(default_factory=lambda: ["id", "your_column"])
    suffix: str = ""  # of the functions, for another than the default database


def backfill(said: str) -> Backfill:
    """Return what `--data` says: TABLE.COLUMN as the models have it, or 1 for names to be filled in."""
    if said == "1":
        return Backfill()
    name, _, column = said.rpartition(".")
    known = {database.bind: binds.metadata(database.bind).tables for database in binds.databases()}
    bind = next((bind for bind, tables in known.items() if name in tables), None)
    table = known[bind].get(name) if bind in known else None
    if table is None or column not in table.columns:
        raise UsageError(f"data=TABLE.COLUMN names a column of the models, which have no {said}; or data=1.")
    # The first column of a key will do: a batch is all rows between two values of it.
    key = next(iter(table.primary_key.columns), table.columns[0])
    return Backfill(
        table.name,
        column,
        table.schema,
        key.name,
        [each.name for each in table.columns],
        binds.suffix(bind),
    )
