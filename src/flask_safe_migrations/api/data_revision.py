"""The table and column that a data revision changes, for script.py.mako."""

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
    suffix: str = ""  # of the functions, for a bind other than the default


def backfill(said: str) -> Backfill:
    """Parse the value of `--data`: TABLE.COLUMN of a model, or 1 for placeholder names."""
    if said == "1":
        return Backfill()
    name, _, column = said.rpartition(".")
    known = {database.bind: binds.metadata(database.bind).tables for database in binds.databases()}
    bind = next((bind for bind, tables in known.items() if name in tables), None)
    table = known[bind].get(name) if bind in known else None
    if table is None or column not in table.columns:
        raise UsageError(f"data=TABLE.COLUMN names a column of the models, which have no {said}; or data=1.")
    # The first column of a key is enough: a batch contains all rows between two of its values.
    key = next(iter(table.primary_key.columns), table.columns[0])
    return Backfill(
        table.name,
        column,
        table.schema,
        key.name,
        [each.name for each in table.columns],
        binds.suffix(bind),
    )
