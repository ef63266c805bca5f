"""Renders tables as an entity-relationship diagram in Mermaid's syntax.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html: table names are quoted; the type and
the name of a column are one word each. (Paracelsus does the same, but treats each column of a primary key as
unique by itself, so that it draws an association table as one to one.)
"""

import re

from sqlalchemy import URL, MetaData

from .diagram_tables import Box, Reference, Row, read_tables


def render_diagram(metadata: MetaData, url: URL) -> str:
    """Return the diagram, with column types as the dialect of `url` has them."""
    return draw_mermaid(*read_tables(metadata, url.get_dialect()()))


def draw_mermaid(boxes: list[Box], references: list[Reference]) -> str:
    """Return the diagram of these tables and foreign keys."""
    lines = ["erDiagram"]
    for box in boxes:
        lines += [f"    {_quote(box.name)} {{", *map(_attribute, box.rows), "    }"]
    return "\n".join([*lines, *map(_relationship, references)])


def _attribute(row: Row) -> str:
    type_name = "ENUM" if row.type.startswith("ENUM(") else row.type
    comments = ["nullable"] * row.nullable + [re.sub(r'["\s]+', " ", row.comment).strip()]
    comment = ": ".join(filter(None, comments))
    fields = [
        re.sub(r"[^\w()]+", "_", type_name),
        _identifier(row.name),
        row.keys.replace(" ", ", "),
        comment and f'"{comment}"',
    ]
    return " ".join(["       ", *filter(None, fields)])


def _relationship(reference: Reference) -> str:
    one = "|o" if reference.nullable else "||"
    many = "o|" if reference.unique else "o{"
    ends = f"{_quote(reference.parent)} {one}--{many} {_quote(reference.child)}"
    return f"    {ends} : {_quote(', '.join(reference.child_columns))}"


def _quote(text: str) -> str:
    return '"' + re.sub(r'["%\\]', "_", text) + '"'


def _identifier(column: str) -> str:
    return re.sub(r"\W|^(?=\d)", "_", column)
