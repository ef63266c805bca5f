"""What the diagrams show of a MetaData: tables, columns and foreign keys."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    Column,
    Dialect,
    Enum,
    ForeignKeyConstraint,
    Identity,
    MetaData,
    Table,
    UniqueConstraint,
)

from ..backends.schema import qualify, target_table

# Beside the colour, for those who do not see it.
SIGNS = {"added": "+", "removed": "\u2212", "changed": "~", "": ""}


@dataclass(frozen=True)
class Row:
    """A column of a table.

    :param keys: "PK", "FK", "UK" or several of them.
    :param state: "", "added", "removed" or "changed".
    """

    name: str
    type: str
    keys: str = ""
    nullable: bool = False
    state: str = ""
    comment: str = ""
    # What is shown in the place of the name and of "null", after a change.
    label: str = ""
    note: str = ""
    default: str = ""


@dataclass
class Box:
    """A table.

    :param notes: indexes and constraints that a change affects, as rows without a type.
    """

    name: str
    rows: list[Row] = field(default_factory=list)
    state: str = ""
    comment: str = ""
    href: str | None = None
    label: str = ""
    notes: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Reference:
    """A foreign key. The columns are those of the table that has it, and those that it refers to."""

    parent: str
    parent_columns: tuple[str, ...]
    child: str
    child_columns: tuple[str, ...]
    nullable: bool
    unique: bool
    state: str = ""

    @property
    def title(self) -> str:
        columns, targets = ", ".join(self.child_columns), ", ".join(self.parent_columns)
        return f"{self.child} ({columns}) refers to {self.parent} ({targets})"


def read_tables(metadata: MetaData, dialect: Dialect) -> tuple[list[Box], list[Reference]]:
    """Return the tables and foreign keys of a MetaData, in the order of their names."""
    tables = sorted(metadata.tables.values(), key=lambda table: table.fullname)
    boxes = [
        Box(
            table.fullname,
            [_read_column(column, dialect) for column in table.columns],
            comment=table.comment or "",
        )
        for table in tables
    ]
    return boxes, [reference for table in tables for reference in _read_references(table)]


def _read_column(column: Column[Any], dialect: Dialect) -> Row:
    keys = [
        "PK" if column.primary_key else "UK" if is_unique(column.table, [column]) else "",
        "FK" if column.foreign_keys else "",
    ]
    return Row(
        column.name,
        _format_type(column, dialect),
        " ".join(filter(None, keys)),
        bool(column.nullable),
        comment=column.comment or "",
        default=_format_default(column.server_default),
    )


def _format_default(default: Any) -> str:
    if isinstance(default, Identity):
        return "numbered by the database"
    text = getattr(default, "sqltext", getattr(default, "arg", None))
    return "" if text is None else str(text)


def _format_type(column: Column[Any], dialect: Dialect) -> str:
    if isinstance(column.type, Enum):
        return f"ENUM({', '.join(map(str, column.type.enums))})"
    try:
        return str(column.type.compile(dialect=dialect))
    except Exception:  # noqa: BLE001 - a type of another package or engine
        return str(column.type)


def _read_references(table: Table) -> Iterator[Reference]:
    keys = [each for each in table.constraints if isinstance(each, ForeignKeyConstraint)]
    for key in sorted(keys, key=lambda key: [column.name for column in key.columns]):
        parent = qualify(target_table(key.elements[0]))
        if parent in table.metadata.tables:
            yield Reference(
                parent,
                tuple(each.target_tokens.column_name or each.parent.name for each in key.elements),
                table.fullname,
                tuple(column.name for column in key.columns),
                any(column.nullable for column in key.columns),
                is_unique(table, list(key.columns)),
            )


def is_unique(table: Table, columns: list[Column[Any]]) -> bool:
    """Whether the primary key, a constraint or an index makes these columns together unique."""
    keys: list[Iterable[Any]] = [table.primary_key.columns]
    keys += [item.columns for item in table.constraints if isinstance(item, UniqueConstraint)]
    # A partial index has arguments of the dialect.
    keys += [item.columns for item in table.indexes if item.unique and not any(item.dialect_kwargs.values())]
    return any(set(key) == set(columns) for key in keys)
