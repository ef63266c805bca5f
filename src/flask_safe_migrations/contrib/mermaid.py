"""Renders tables as an entity-relationship diagram in Mermaid's syntax.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html: table names are quoted; the type and
the name of a column are one word each. (Paracelsus does the same, but treats each column of a primary key as
unique by itself, so that it draws an association table as one to one.)
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import URL, Column, Dialect, Enum, ForeignKeyConstraint, MetaData, Table, UniqueConstraint


def render_diagram(metadata: MetaData, url: URL) -> str:
    """Return the diagram, with column types as the dialect of `url` has them."""
    dialect = url.get_dialect()()
    tables = sorted(metadata.tables.values(), key=lambda table: table.fullname)
    lines = ["erDiagram"]
    for table in tables:
        columns = [_attribute(column, dialect) for column in table.columns]
        lines += [f"    {_quote(table.fullname)} " + "{", *columns, "    }"]
    for table in tables:
        lines += sorted(_relationships(table))
    return "\n".join(lines)


def _attribute(column: Column[Any], dialect: Dialect) -> str:
    type_name = "ENUM" if isinstance(column.type, Enum) else column.type.compile(dialect)
    key = "PK" if column.primary_key else "UK" if _is_unique(column.table, [column]) else ""
    keys = ", ".join(filter(None, [key, "FK" if column.foreign_keys else ""]))
    comments = ["nullable"] * bool(column.nullable) + [re.sub(r'["\s]+', " ", column.comment or "").strip()]
    comment = ": ".join(filter(None, comments))
    fields = [re.sub(r"[^\w()]+", "_", type_name), _identifier(column.name), keys, comment and f'"{comment}"']
    return " ".join(["       ", *filter(None, fields)])


def _relationships(table: Table) -> Iterator[str]:
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            parent = key.elements[0].target_fullname.rpartition(".")[0]
            one = "|o" if any(column.nullable for column in key.columns) else "||"
            many = "o|" if _is_unique(table, list(key.columns)) else "o{"
            label = ", ".join(column.name for column in key.columns)
            yield f"    {_quote(parent)} {one}--{many} {_quote(table.fullname)} : {_quote(label)}"


def _is_unique(table: Table, columns: list[Column[Any]]) -> bool:
    """Whether the primary key, a constraint or an index makes these columns together unique."""
    keys: list[Iterable[Any]] = [table.primary_key.columns]
    keys += [item.columns for item in table.constraints if isinstance(item, UniqueConstraint)]
    keys += [item.columns for item in table.indexes if item.unique and not item.dialect_kwargs]  # not partial
    return any(set(key) == set(columns) for key in keys)


def _quote(text: str) -> str:
    return '"' + re.sub(r'["%\\]', "_", text) + '"'


def _identifier(column: str) -> str:
    return re.sub(r"\W|^(?=\d)", "_", column)
