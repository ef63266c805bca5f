"""Reflects the tables and views of a database, what refers to what, and the schema in words."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DefaultClause,
    Dialect,
    Engine,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    TableClause,
    UniqueConstraint,
    column,
    inspect,
    select,
    table,
)
from sqlalchemy.exc import CompileError, SAWarning


@dataclass(frozen=True)
class Reference:
    """A foreign key. `columns` of the table `child` refer to `targets` of the table `parent`."""

    child: str
    columns: tuple[str, ...]
    parent: str
    targets: tuple[str, ...]


@dataclass
class BrowsedTable:
    """A table or view as the database has it, which may differ from the models.

    :param slug: its name in addresses.
    :param plain: the same table without types, so that values are read as the driver returns them.
    :param is_internal: whether Alembic or this library uses it, and not the application.
    """

    table: Table
    slug: str
    is_view: bool
    is_internal: bool
    plain: TableClause = field(init=False)
    refers_to: list[Reference] = field(default_factory=list)
    referred_by: list[Reference] = field(default_factory=list)

    def __post_init__(self) -> None:
        columns: Any = [column(each.name) for each in self.table.columns]
        self.plain = table(self.table.name, *columns, schema=self.table.schema)

    @property
    def name(self) -> str:
        return self.table.fullname

    @property
    def key(self) -> list[str]:
        """The columns of the primary key."""
        return [each.name for each in self.table.primary_key]

    def references_of(self, name: str) -> list[Reference]:
        """Return the foreign keys that a column is part of."""
        return [reference for reference in self.refers_to if name in reference.columns]


def schema_state(engine: Engine, versions: Table) -> tuple[Any, ...]:
    """Return a value that changes when revisions are applied; `versions` is Alembic's version table."""
    with engine.connect() as connection:
        names = sorted(inspect(connection).get_table_names())
        if not inspect(connection).has_table(versions.name, versions.schema):
            return (names,)
        return names, connection.scalars(select(versions.c.version_num)).all()


def read_tables(
    engine: Engine, schemas: Iterable[str | None], internal: Iterable[str]
) -> dict[str, BrowsedTable]:
    """Return the tables and views of these schemas by their full names; `internal` names some of them."""
    metadata, references, views = MetaData(), [], set()
    with engine.connect() as connection, warnings.catch_warnings():
        warnings.simplefilter("ignore", SAWarning)  # about types that SQLAlchemy does not know
        for schema in schemas:
            metadata.reflect(connection, schema=schema, views=True, resolve_fks=False)
            inspector = inspect(connection)
            names = {_full_name(schema, name) for name in inspector.get_table_names(schema)}
            views |= {name for name, found in metadata.tables.items() if found.schema == schema} - names
            for (_, child), keys in inspector.get_multi_foreign_keys(schema).items():
                references += [_reference(_full_name(schema, child), key) for key in keys]
    tables = {
        name: BrowsedTable(found, _slug(name, number), name in views, name in internal)
        for number, (name, found) in enumerate(sorted(metadata.tables.items()))
    }
    for reference in sorted(references, key=lambda each: (each.child, each.columns)):
        if reference.parent in tables:
            tables[reference.child].refers_to.append(reference)
            tables[reference.parent].referred_by.append(reference)
    return tables


def _full_name(schema: str | None, name: str) -> str:
    return f"{schema}.{name}" if schema else name


def _reference(child: str, key: Mapping[str, Any]) -> Reference:
    parent = _full_name(key["referred_schema"], key["referred_table"])
    return Reference(child, tuple(key["constrained_columns"]), parent, tuple(key["referred_columns"]))


def _slug(name: str, number: int) -> str:
    return name if re.fullmatch(r"[^\W\d][\w.]*", name) else str(number)


def describe_columns(table: Table, dialect: Dialect) -> list[tuple[str, str, str, str]]:
    """Return the name, the type, NOT NULL or an empty string, and the default of each column."""
    return [
        (column.name, type_name(column, dialect), "" if column.nullable else "NOT NULL", _default(column))
        for column in table.columns
    ]


def describe_constraints(table: Table) -> list[str]:
    """Return one line for each key, constraint and index."""
    lines = []
    if table.primary_key:
        lines.append(f"PRIMARY KEY ({_names(table.primary_key.columns)})")
    for constraint in table.constraints:
        name = f" {constraint.name}" if constraint.name else ""
        if isinstance(constraint, ForeignKeyConstraint):
            target = ", ".join(element.target_fullname for element in constraint.elements)
            rule = f" ON DELETE {constraint.ondelete}" if constraint.ondelete else ""
            lines.append(f"FOREIGN KEY{name} ({_names(constraint.columns)}) → {target}{rule}")
        elif isinstance(constraint, UniqueConstraint):
            lines.append(f"UNIQUE{name} ({_names(constraint.columns)})")
        elif isinstance(constraint, CheckConstraint):
            lines.append(f"CHECK{name} ({constraint.sqltext})")
    for index in table.indexes:
        unique = "UNIQUE " if index.unique else ""
        lines.append(f"{unique}INDEX {index.name} ({', '.join(map(str, _expressions(index)))})")
    return sorted(lines)


def _expressions(index: Index) -> list[object]:
    return [getattr(expression, "name", expression) for expression in index.expressions]


def _names(columns: Iterable[Column[Any]]) -> str:
    return ", ".join(column.name for column in columns)


def type_name(column: Column[Any], dialect: Dialect) -> str:
    try:
        return column.type.compile(dialect)
    except CompileError:  # a type that SQLAlchemy does not know
        return "?"


def _default(column: Column[Any]) -> str:
    if column.computed:
        return f"GENERATED ALWAYS AS ({column.computed.sqltext})"
    return f"DEFAULT {column.server_default.arg}" if isinstance(column.server_default, DefaultClause) else ""
