"""Reads the tables of a database, for models to be made of them."""

import re
import warnings
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, MetaData, Table, inspect
from sqlalchemy.exc import SAWarning
from sqlalchemy.sql.elements import conv

from ..backends.base import Database
from ..backends.constraints import plain
from ..backends.escaping import take_indexes_literally, take_literally
from ..backends.generated_names import is_generated_name
from ..backends.schema import schemas
from ..errors import MigrationError


def reflect(database: Database, convention: Mapping[str, str]) -> MetaData:
    """Return the tables; what has no name, or one that the server has made up, has none; CHECKs get one."""
    metadata = MetaData()
    with warnings.catch_warnings(), database.connect() as connection:
        warnings.simplefilter("ignore", SAWarning)
        inspector = inspect(connection)
        ours = database.internal_tables
        for schema in schemas(inspector):
            place = None if schema == inspector.default_schema_name else schema
            metadata.reflect(connection, schema=place, only=lambda name, _: name not in ours)
        for table in metadata.tables.values():
            take_literally(table)
            take_indexes_literally(table)
            database.enrich_table(connection, table)
            _name(connection.dialect.name, table)
            for column in table.columns:
                _refuse_unknown(column)
                column.nullable = (
                    column.nullable and not column.primary_key
                )  # SQLite does not mind NULL there
    for key in in_circles(metadata):
        key.use_alter = True
        for element in key.elements:
            element.use_alter = True
    metadata.naming_convention = convention
    return metadata


def in_circles(metadata: MetaData) -> Iterator[ForeignKeyConstraint]:
    """Yield foreign keys without which no tables refer to one another in a circle."""
    keys = [key for table in metadata.tables.values() for key in table.foreign_key_constraints]
    graph: dict[str, set[str]] = {table: set() for table in metadata.tables}
    for key in keys:
        if key.referred_table is not key.table:
            graph[key.table.key].add(key.referred_table.key)
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            target, source = error.args[1][0], error.args[1][1]
            graph[source].discard(target)
            yield from (key for key in keys if (key.table.key, key.referred_table.key) == (source, target))
        else:
            return


def _name(dialect: str, table: Table) -> None:
    taken: set[str] = set()
    for constraint in sorted(table.constraints, key=lambda found: str(getattr(found, "sqltext", ""))):
        made_up = is_generated_name(dialect, table.name, constraint.name and str(constraint.name))
        if isinstance(constraint, CheckConstraint):
            prefix = f"ck_{table.name}_"
            if constraint.name and not made_up:
                own = str(constraint.name)
                name = own.removeprefix(prefix) if own.startswith(prefix) else conv(own)
            else:
                name = _from_text(constraint, table)
                while name in taken:
                    name += "_too"
            taken.add(name)
            constraint.name = name
        elif made_up:
            constraint.name = None


def _from_text(check: CheckConstraint, table: Table) -> str:
    """Return the columns that a CHECK is about: ck_products_price says where to look."""
    words = re.findall(r"\w+", plain(str(check.sqltext)))
    about = [column.name for column in table.columns if column.name in words]
    return snake("_".join(about or ["check"]))[:40]


def _refuse_unknown(column: Column[Any]) -> None:
    """PostgreSQL's CREATE DOMAIN is not made by autogenerate, so it would be missing in a baseline."""
    kind: Any = column.type
    if kind.__visit_name__ in {"DOMAIN", "null"}:
        known = kind.__visit_name__ == "DOMAIN"
        what = f"is of a domain ({kind.name})" if known else "has no type that SQLAlchemy knows"
        raise MigrationError(
            f"Column {column.table.fullname}.{column.name} {what}, so no baseline would make it, and nothing "
            "was changed: change its type, or write the models by hand and then `flask db adopt`."
        )


def snake(name: str) -> str:
    """Return a name as Python has it: CustomerID is customer_id."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", name).lower()
