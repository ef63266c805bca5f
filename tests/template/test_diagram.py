"""`make erd`: a picture of the tables, which GitHub draws from what stands in docs/tables.md."""

import json
import re

from project import Bake

# Names and types that are not one word, a table between two others, one to one, and a key of two columns.
ODD = """
from sqlalchemy import Column, DateTime, Double, Enum, ForeignKey, ForeignKeyConstraint, Integer, Numeric

from ..database import db

WHERE = {}
db.Table(
    "Order Details",
    Column("2nd", Numeric(10, 2), primary_key=True, comment='a "quoted"\\ncomment'),
    Column("größe", Enum("a", "b c", name="sizes"), primary_key=True),
    Column("user id", ForeignKey("users.id"), unique=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("weight", Double),
    info=WHERE,
)
db.Table(
    "parcels",
    Column("id", Integer, primary_key=True),
    Column("a", Numeric(10, 2), nullable=False), Column("b", Enum("a", "b c", name="sizes"), nullable=False),
    ForeignKeyConstraint(["a", "b"], ["Order Details.2nd", "Order Details.größe"]),
    info=WHERE,
)
"""
# https://github.com/mermaid-js/mermaid, packages/mermaid/src/diagrams/er/parser/erDiagram.jison
NAME = r'"[^"%\\\n]+"'
WORD = r"[A-Za-z_\u00C0-\uFFFF][\w()\u00C0-\uFFFF-]*"
GRAMMAR = re.compile(
    rf"""erDiagram
(    {NAME} \{{
(        {WORD} {WORD}( (PK|FK|UK)(, (PK|FK|UK))*)?( "[^"]*")?
)*    \}}
)+(    {NAME} (\|\||\|o)--(o\||o\{{) {NAME} : {NAME}
)*"""
)


def test_erd_draws_tables_and_what_refers_to_what(bake: Bake) -> None:
    project = bake()
    (project.models / "odd.py").write_text(ODD)
    assert "docs/tables.md" in project.make("erd").out
    assert not list((project.path / "instance").glob("*.db"))  # the models are enough
    page = (project.path / "docs" / "tables.md").read_text()
    (picture,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    assert GRAMMAR.fullmatch(picture), picture
    for line in (
        '"users" ||--o{ "user_tags" : "user_id"',
        '"tags" ||--o{ "user_tags" : "tag_id"',
        '"users" |o--o| "Order Details" : "user id"',
        '"Order Details" ||--o{ "parcels" : "a, b"',
        "VARCHAR(254) email UK",
        "INTEGER user_id PK, FK",
        'NUMERIC(10_2) _2nd PK "a quoted comment"',
        "ENUM größe PK",
        "DATETIME at",
    ):
        assert f"{line}\n" in picture, picture
    project.make("erd")
    assert (project.path / "docs" / "tables.md").read_text() == page
    sentence = project.flask_fails("db", "diagram", "--to", "README.md/tables.md")
    assert "README.md/tables.md cannot be written (" in sentence and "--to" in sentence


def test_erd_has_a_picture_for_each_database_in_the_words_of_its_engine(bake: Bake) -> None:
    project = bake()
    project.env["SQLALCHEMY_BINDS"] = json.dumps({"audit": "postgresql://nobody@127.0.0.1:1/audit"})
    source = ODD.replace("WHERE = {}", "WHERE = {'bind_key': 'audit'}").replace("users.id", "parcels.id")
    (project.models / "odd.py").write_text(source)
    out = project.flask("db", "diagram", "--to", "over/there.md").out
    page = (project.path / "over" / "there.md").read_text()
    assert "over/there.md" in out
    default, audit = page.split("## audit")
    assert '"users"' in default and "Order Details" not in default
    assert "DOUBLE_PRECISION weight" in audit and "TIMESTAMP_WITH_TIME_ZONE at" in audit
    project.flask("db", "diagram", "--bind", "audit")
    assert '"users"' not in (project.path / "docs" / "tables.md").read_text()
