"""Maps every table and view that is in a database to a class, for Flask-Admin."""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, FromClause, MetaData, Table, func, inspect, select
from sqlalchemy.exc import SAWarning
from sqlalchemy.orm import registry


@dataclass(frozen=True)
class Shown:
    table: Table
    model: Any
    # Attribute of the model → name of the column, which may be one that no attribute should have: `query`.
    labels: dict[str, str]
    has_key: bool


def state(pool: Engine, versions: Table) -> tuple[Any, ...]:
    """Return something that changes when revisions are applied; `versions` is the table where they stand."""
    with pool.connect() as connection:
        names = sorted(inspect(connection).get_table_names())
        if not inspect(connection).has_table(versions.name, versions.schema):
            return (names,)
        return names, connection.scalars(select(versions.c.version_num)).all()


def shown(pool: Engine, schemas: Iterable[str | None]) -> list[Shown]:
    """Describe the tables as the database has them, whatever the models say."""
    metadata = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # of types that SQLAlchemy has no name for
        for schema in schemas:
            metadata.reflect(pool, schema=schema, views=True, resolve_fks=False)
    return [_mapped(number, table) for number, (_, table) in enumerate(sorted(metadata.tables.items()))]


def _mapped(number: int, table: Table) -> Shown:
    key: list[Any] = list(table.primary_key)
    source: FromClause = table
    if not key:  # a view, for example: SQLAlchemy tells rows apart by a key, so they are numbered
        row = func.row_number().over().label("row number")
        source = select(row, *table.columns).subquery()
        key = [next(iter(source.columns))]
    columns = {f"column_{index}": column for index, column in enumerate(source.columns)}
    model = type(f"Table{number}", (), {})
    registry().map_imperatively(model, source, properties=columns, primary_key=key)
    labels = {name: str(column.name) for name, column in columns.items()}
    return Shown(table, model, labels, has_key=source is table)
