"""Writes tables as an entity-relationship diagram of Mermaid.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html: the name of a table is put in quotes; the
type and the name of a column are one word each. (Paracelsus, which does this too, takes each column of a
primary key for unique by itself, so that a table between two others is drawn as one to one.)
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import URL, Column, Dialect, Enum, ForeignKeyConstraint, MetaData, Table, UniqueConstraint


def picture(metadata: MetaData, url: URL) -> str:
    """Return the text; its types are those of the engine at `url`."""
    dialect = url.get_dialect()()
    tables = sorted(metadata.tables.values(), key=lambda table: table.fullname)
    lines = ["erDiagram"]
    for table in tables:
        columns = [_attribute(column, dialect) for column in table.columns]
        lines += [f"    {_quoted(table.fullname)} " + "{", *columns, "    }"]
    for table in tables:
        lines += sorted(_relationships(table))
    return "\n".join(lines)


def _attribute(column: Column[Any], dialect: Dialect) -> str:
    kind = "ENUM" if isinstance(column.type, Enum) else column.type.compile(dialect)
    own = "PK" if column.primary_key else "UK" if _are_unique(column.table, [column]) else ""
    keys = ", ".join(filter(None, [own, "FK" if column.foreign_keys else ""]))
    remarks = ["nullable"] * bool(column.nullable) + [re.sub(r'["\s]+', " ", column.comment or "").strip()]
    remark = ": ".join(filter(None, remarks))
    words = [re.sub(r"[^\w()]+", "_", kind), _word(column.name), keys, remark and f'"{remark}"']
    return " ".join(["       ", *filter(None, words)])


def _relationships(table: Table) -> Iterator[str]:
    for key in table.constraints:
        if isinstance(key, ForeignKeyConstraint):
            parent = key.elements[0].target_fullname.rpartition(".")[0]
            one = "|o" if any(column.nullable for column in key.columns) else "||"
            many = "o|" if _are_unique(table, list(key.columns)) else "o{"
            label = ", ".join(column.name for column in key.columns)
            yield f"    {_quoted(parent)} {one}--{many} {_quoted(table.fullname)} : {_quoted(label)}"


def _are_unique(table: Table, columns: list[Column[Any]]) -> bool:
    """Whether these columns together are, by the primary key, a constraint or an index."""
    keys: list[Iterable[Any]] = [table.primary_key.columns]
    keys += [each.columns for each in table.constraints if isinstance(each, UniqueConstraint)]
    keys += [each.columns for each in table.indexes if each.unique and not each.dialect_kwargs]  # not partial
    return any(set(key) == set(columns) for key in keys)


def _quoted(text: str) -> str:
    return '"' + re.sub(r'["%\\]', "_", text) + '"'


def _word(column: str) -> str:
    return re.sub(r"\W|^(?=\d)", "_", column)
