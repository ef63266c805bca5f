"""`flask db diagram`: the formats, and what one revision changes."""

import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest
from histories import ENGINES, write_revision

MINUS = "\u2212"
START = """
def upgrade():
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("nick", sa.String(20)),
        sa.Column("old", sa.Integer),
    )
    op.create_table("tags", sa.Column("id", sa.Integer, primary_key=True), sa.Column("pk", sa.Integer))
    op.create_table("far_away", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "posts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("title", sa.String(20)),
        sa.Column("body", sa.String(20)),
        sa.Column("user_id", sa.Integer, sa.ForeignKey("users.id", name="fk_posts_user_id")),
    )
    op.create_table("doomed", sa.Column("id", sa.Integer, primary_key=True))
"""
CHANGE = """
def upgrade():
    op.create_table(
        "comments",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("tag_id", sa.Integer, sa.ForeignKey("tags.id", name="fk_comments_tag_id"), nullable=False),
    )
    with op.batch_alter_table("users") as batch:
        batch.alter_column(
            "name", new_column_name="full_name", existing_type=sa.String(50), existing_nullable=False
        )
        batch.alter_column("nick", type_=sa.String(90), existing_type=sa.String(20), nullable=False,
                           server_default="none")
        batch.add_column(sa.Column("phone", sa.String(30)))
        batch.drop_column("old")
        batch.create_index("ix_users_phone", ["phone"], unique=True)
    op.drop_table("doomed")
"""
VIEW = """
def upgrade():
    op.execute("CREATE VIEW names AS SELECT full_name FROM users")
"""


@pytest.fixture(params=ENGINES)
def anywhere(request: pytest.FixtureRequest, project_on: Any) -> Any:
    project = project_on(request.param)
    project.models = ""
    write_revision(project, "start", START)
    write_revision(project, "change", CHANGE)
    return project


def test_what_a_revision_changes_before_and_after(anywhere: Any) -> None:
    project = anywhere
    out = project.flask("diagram", "--revision", "change", "--to", "change.md")
    assert out.splitlines()[-1] == "Written: change.md"
    page = (project.path / "change.md").read_text()
    (picture,) = re.findall(r"```mermaid\n(.*?)```", page, re.DOTALL)
    tables = dict(re.findall(r'    "([^"]+)"(?::::\w+)? \{\n(.*?)    \}', picture, re.DOTALL))
    # What is touched, and what that refers to or is referred to by; nothing else.
    assert tables.keys() == {"+ comments", "~ users", f"{MINUS} doomed", "tags", "posts"}
    assert picture.count(":::added {") == 1 and picture.count(":::removed {") == 1
    assert "classDef added fill:" in picture
    users = {line.split()[1]: line for line in tables["~ users"].splitlines()}
    assert "~ changed: name → full_name" in users["full_name"]
    assert re.search(r"~ changed: VARCHAR\(20\).* → VARCHAR\(90\).*: null → not null; default", users["nick"])
    assert '"+ added: nullable"' in users["phone"] and f'"{MINUS} removed: nullable"' in users["old"]
    assert "+ added: unique" in picture and "ix_users_phone" in picture
    assert '"tags" ||--o{ "+ comments" : "+ tag_id"' in picture
    assert '"~ users" |o--o{ "posts" : "user_id"' in picture
    assert "title" not in tables["posts"] and "2 more columns" in tables["posts"]
    assert " _pk " in tables["tags"] or "1 more column" in tables["tags"]


def test_the_same_as_a_picture_with_signs(anywhere: Any) -> None:
    project = anywhere
    project.flask("diagram", "--revision", "change", "--to", "change.svg")
    root = ET.fromstring((project.path / "change.svg").read_text())
    space = {"svg": "http://www.w3.org/2000/svg"}
    assert root.find("svg:title", space).text == "change (change)"
    words = root.find("svg:desc", space).text
    for part in ("added comments (", "removed doomed (", "changed users (", "changed name → full_name"):
        assert part in words, words
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"+", MINUS, "~", "name → full_name"} <= set(texts)
    assert any(re.fullmatch(r"VARCHAR\(20\).* → VARCHAR\(90\).*", text) for text in texts)
    # At the first revision, there is nothing before.
    project.flask("diagram", "--revision", "start", "--to", "start.svg")
    assert "added users (id" in (project.path / "start.svg").read_text()


def test_a_view_and_a_revision_without_tables(anywhere: Any) -> None:
    project = anywhere
    write_revision(project, "view", VIEW)
    project.flask("diagram", "--revision", "head", "--to", "view.md")
    page = (project.path / "view.md").read_text()
    assert re.search(r'other objects".*\{\n\s+view names "\+ added: view names"', page)
    write_revision(project, "nothing", "def upgrade():\n    pass\n")
    project.flask("diagram", "--revision", "nothing", "--svg")
    picture = (project.path / "docs" / "tables-nothing.svg").read_text()
    assert ">no table changes<" in picture
    project.flask("diagram", "--revision", "nothing")
    assert '"no table changes" {' in (project.path / "docs" / "tables-nothing.md").read_text()


def test_formats_and_mistakes(project: Any) -> None:
    project.flask("new", "-m", "first")
    project.flask("diagram")
    assert '"user" {' in (project.path / "docs" / "tables.md").read_text()
    assert "Written: " in project.flask("diagram", "--svg")
    picture = (project.path / "docs" / "tables.svg").read_text()
    assert picture.startswith("<svg ") and ">user<" in picture and "VARCHAR(120)" in picture
    project.flask("diagram", "--to", "plain.mmd")
    assert (project.path / "plain.mmd").read_text().startswith("erDiagram\n")
    assert "ends in .svg" in project.fails("diagram", "--svg", "--to", "x.md", code=2)
    assert "There is no revision nowhere" in project.fails("diagram", "--revision", "nowhere")
    assert "base changes nothing" in project.fails("diagram", "--revision", "base", code=2)
    assert "--to" in project.fails("diagram", "--to", "plain.mmd/x.svg")
    for name in ("left", "right"):
        head = f'revision = "{name}"\ndown_revision = None\n'
        (project.migrations / "versions" / f"{name}.py").write_text(f"{head}\ndef upgrade():\n    pass\n")
    assert "name one with --revision, " in project.fails("diagram", "--revision", "head")
    project.flask("diagram", "--revision", "left", "--to", "left.mmd")
    assert "no table changes" in (project.path / "left.mmd").read_text()


def test_a_file_holds_one_picture(project: Any) -> None:
    project.config["SQLALCHEMY_BINDS"] = {"audit": f"sqlite:///{project.path}/instance/audit.db"}
    project.models += (
        "\nclass Entry(db.Model):\n    __bind_key__ = 'audit'\n"
        "    id = db.Column(db.Integer, primary_key=True)\n"
    )
    project.flask("diagram", "--svg")
    assert ">user<" in (project.path / "docs" / "tables.svg").read_text()
    assert ">entry<" in (project.path / "docs" / "tables-audit.svg").read_text()
    project.flask("diagram", "--bind", "audit", "--to", "one.svg")
    assert ">entry<" in (project.path / "one.svg").read_text()
