"""Renders tables as an entity-relationship diagram in Mermaid's syntax.

https://mermaid.js.org/syntax/entityRelationshipDiagram.html: table names are quoted; the type and
the name of a column are one word each. (Paracelsus does the same, but treats each column of a primary key as
unique by itself, so that it draws an association table as one to one.)
"""

import re

from .diagram_tables import SIGNS, Box, Reference, Row

STYLES = {
    "added": "fill:#e3f3ea,stroke:#0f6b4a,color:#18211d,stroke-width:2px",
    "removed": "fill:#fdecea,stroke:#a8261d,color:#18211d,stroke-width:2px",
    "changed": "fill:#fdf3e0,stroke:#8a5300,color:#18211d,stroke-width:2px",
}


def draw_mermaid(boxes: list[Box], references: list[Reference]) -> str:
    """Return the diagram of these tables and foreign keys."""
    lines = ["erDiagram"]
    names = {box.name: _mark(box.state, box.label or box.name) for box in boxes}
    for box in boxes:
        state = f":::{box.state}" if box.state else ""
        lines += [f"    {_quote(names[box.name])}{state} {{", *map(_attribute, box.rows)]
        lines += [*map(_note, box.notes), "    }"]
    lines += [_relationship(reference, names) for reference in references]
    if any(box.state for box in boxes):
        lines += [f"    classDef {state} {style}" for state, style in STYLES.items()]
    return "\n".join(lines)


def _attribute(row: Row) -> str:
    type_name = row.type.rpartition("→")[2].strip()
    type_name = "ENUM" if type_name.startswith("ENUM(") else type_name
    changes = [row.label, row.type if "→" in row.type else "", row.note] if row.state == "changed" else []
    comments = [
        _mark(row.state, row.state),
        *changes,
        "nullable" if row.nullable and not row.note else "",
        row.comment,
    ]
    comment = ": ".join(filter(None, (re.sub(r'["\s]+', " ", text).strip() for text in comments)))
    fields = [
        re.sub(r"[^\w()]+", "_", type_name),
        _identifier(row.name),
        row.keys.replace(" ", ", "),
        comment and f'"{comment}"',
    ]
    return " ".join(["       ", *filter(None, fields)])


def _note(row: Row) -> str:
    """Show an index or a constraint as an attribute: the language has nothing else in a table."""
    kind, _, rest = row.name.partition(" ")
    text = re.sub(r'["\s]+', " ", _mark(row.state, f"{row.state}: {row.name}" if row.state else row.name))
    return f'        {_identifier(kind)} {_identifier(rest.split(" ")[0] or kind)} "{text}"'


def _relationship(reference: Reference, names: dict[str, str]) -> str:
    one = "|o" if reference.nullable else "||"
    many = "o|" if reference.unique else "o{"
    ends = f"{_quote(names[reference.parent])} {one}--{many} {_quote(names[reference.child])}"
    return f"    {ends} : {_quote(_mark(reference.state, ', '.join(reference.child_columns)))}"


def _mark(state: str, text: str) -> str:
    return f"{SIGNS[state]} {text}" if state else text


def _quote(text: str) -> str:
    return '"' + re.sub(r'["%\\]', "_", text) + '"'


def _identifier(column: str) -> str:
    """Return a word; the names of keys are none."""
    return re.sub(r"\W|^(?=\d|(?:pk|fk|uk)$)", "_", column, flags=re.IGNORECASE)
