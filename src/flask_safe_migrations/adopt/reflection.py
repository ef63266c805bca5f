"""Reflects the tables of a database for the generation of models."""

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, MetaData, Table, inspect
from sqlalchemy.exc import SAWarning
from sqlalchemy.sql.elements import conv

from ..autogenerate.ordering import break_cycles
from ..backends.base import Database
from ..backends.constraints import is_generated_name, normalize_condition
from ..backends.escaping import escape_reported_indexes, escape_reported_sql
from ..backends.schema import schema_names
from ..errors import MigrationError


def reflect_tables(database: Database, convention: Mapping[str, str]) -> MetaData:
    """Return the tables. Generated names of constraints are removed, and every CHECK gets a name.

    Raises MigrationError for a column whose type autogenerate cannot create.
    """
    metadata = MetaData()
    with warnings.catch_warnings(), database.connect() as connection:
        warnings.simplefilter("ignore", SAWarning)
        inspector = inspect(connection)
        internal = database.internal_tables
        for schema in schema_names(inspector):
            name = None if schema == inspector.default_schema_name else schema
            metadata.reflect(connection, schema=name, only=lambda table, _: table not in internal)
        for table in metadata.tables.values():
            escape_reported_sql(table)
            escape_reported_indexes(table)
            database.enrich_table(connection, table)
            _name_constraints(connection.dialect.name, table)
            for column in table.columns:
                _refuse_unknown(column)
                # SQLite allows NULL in a primary key.
                column.nullable = column.nullable and not column.primary_key
    for key in cyclic_foreign_keys(metadata):
        key.use_alter = True
        for element in key.elements:
            element.use_alter = True
    metadata.naming_convention = convention
    return metadata


def cyclic_foreign_keys(metadata: MetaData) -> Iterator[ForeignKeyConstraint]:
    """Yield foreign keys without which the references between tables have no cycle."""
    keys = [key for table in metadata.tables.values() for key in table.foreign_key_constraints]
    graph: dict[str, set[str]] = {table: set() for table in metadata.tables}
    for key in keys:
        if key.referred_table is not key.table:
            graph[key.table.key].add(key.referred_table.key)
    _, removed = break_cycles(graph)
    yield from (key for key in keys if (key.table.key, key.referred_table.key) in removed)


def _name_constraints(dialect: str, table: Table) -> None:
    taken: set[str] = set()
    for constraint in sorted(table.constraints, key=lambda item: str(getattr(item, "sqltext", ""))):
        is_generated = is_generated_name(dialect, table.name, constraint.name and str(constraint.name))
        if isinstance(constraint, CheckConstraint):
            prefix = f"ck_{table.name}_"
            if constraint.name and not is_generated:
                own = str(constraint.name)
                name = own.removeprefix(prefix) if own.startswith(prefix) else conv(own)
            else:
                name = _check_name(constraint, table)
                while name in taken:
                    name += "_too"
            taken.add(name)
            constraint.name = name
        elif is_generated:
            constraint.name = None


def _check_name(check: CheckConstraint, table: Table) -> str:
    """Return a name made of the columns in a CHECK, as in ck_products_price."""
    words = re.findall(r"\w+", normalize_condition(str(check.sqltext)))
    columns = [column.name for column in table.columns if column.name in words]
    return snake_case("_".join(columns or ["check"]))[:40]


def _refuse_unknown(column: Column[Any]) -> None:
    """Autogenerate does not create a DOMAIN of PostgreSQL, so a baseline would lack it."""
    column_type: Any = column.type
    if column_type.__visit_name__ in {"DOMAIN", "null"}:
        is_domain = column_type.__visit_name__ == "DOMAIN"
        what = (
            f"is of a domain ({column_type.name})"
            if is_domain
            else "has a type that SQLAlchemy does not know"
        )
        raise MigrationError(
            f"Column {column.table.fullname}.{column.name} {what}, which a baseline cannot create. Nothing "
            "was changed. Change the type, or write the models by hand and run `flask db adopt`."
        )


def snake_case(name: str) -> str:
    """Return a name in snake case: customer_id for CustomerID."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|\W+", "_", name).lower()
