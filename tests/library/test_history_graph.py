"""`flask db history --graph`: the chain as text, Mermaid and SVG, with what each database has."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from histories import write_revision

from flask_safe_migrations import api
from flask_safe_migrations.api import HistoryRevision
from flask_safe_migrations.contrib.history_diagram import draw_mermaid, draw_svg
from flask_safe_migrations.contrib.history_lanes import assign_lanes, draw_lanes

NOTHING = "def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
# https://github.com/mermaid-js/mermaid, packages/mermaid/src/diagrams/flowchart/parser/flow.jison
FLOWCHART = re.compile(
    r"""flowchart TB
(    r\d+\["[^"<>]*(<br>[^"<>]*)*"\]:::\w+
)*(    r\d+ (-->|-\.->) r\d+
)*(    classDef \w+ [\w:#, -]+
?)+"""
)


def revision(name: str, *parents: str, state: str = "applied", **fields: Any) -> HistoryRevision:
    return HistoryRevision(name, "", Path(name), parents, states={"default": state}, **fields)


def draw(*revisions: HistoryRevision) -> list[str]:
    lines = draw_lanes(assign_lanes(revisions))
    return [f"{picture} {row.revision.revision}" if row else picture for picture, row in lines]


def test_a_merge_of_two_branches_and_of_three() -> None:
    assert draw(
        revision("h", "g", state="pending"),
        revision("g", "e", "f"),
        revision("f", "a"),
        revision("e", "b", "c", "d"),
        revision("d", "a"),
        revision("c", "a"),
        revision("b", "a"),
        revision("a"),
    ) == [
        "○ h",
        "● g",
        "├─╮",
        "│ ● f",
        "● │ e",
        "├─┼─┬─╮",
        "│ │ │ ● d",
        "│ │ ● │ c",
        "● │ │ │ b",
        "├─┴─┴─╯",
        "● a",
    ]


def test_two_heads_and_two_beginnings() -> None:
    assert draw(
        revision("d", "b", state="pending"),
        revision("c", "b", state="half applied"),
        revision("b", "a"),
        revision("z"),
        revision("a"),
    ) == ["○ d", "│ ✗ c", "├─╯", "● b", "│ ● z", "● a"]


def test_a_merge_into_a_lane_that_is_there() -> None:
    assert draw(
        revision("m", "p", "q"),
        revision("n", "p", "r"),
        revision("p", "a"),
        revision("q", "r"),
        revision("r", "a"),
        revision("a"),
    ) == [
        "● m",
        "├─╮",
        "│ │ ● n",
        "│ │ ├─╮",
        "├─┼─╯ │",
        "● │   │ p",
        "│ ●   │ q",
        "│ ├───╯",
        "│ ● r",
        "├─╯",
        "● a",
    ]


def branch(project: Any, name: str, parents: Any, **variables: Any) -> None:
    """Write a revision whose parents are given."""
    path = project.migrations / "versions" / f"{name}.py"
    more = "".join(f"{key} = {value!r}\n" for key, value in variables.items())
    path.write_text(
        f'"""Say "{name}" <b>"""\nrevision = {name!r}\ndown_revision = {parents!r}\n{more}\n{NOTHING}'
    )


@pytest.fixture
def branched(project: Any) -> Any:
    project.models = ""
    branch(project, "one", None, replaces=("x1", "x2", "x3"))
    branch(project, "two", "one")
    project.flask("upgrade", "two")
    branch(project, "left", "two", branch_labels=("shop",))
    branch(project, "right", "two", depends_on="left")
    branch(project, "both", ("left", "right"))
    return project


def test_the_graph_in_a_terminal_and_the_history_without_it(
    branched: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = branched.flask("history", "--graph").splitlines()
    assert lines[0] == '○ both Say "both" <b> (head, pending)'
    assert lines[-3:] == [
        '● two Say "two" <b>',
        '● one Say "one" <b> (folds 3 revisions)',
        "● applied  ○ pending",
    ]
    middle = "\n".join(lines[1:-3])
    assert '○ right Say "right" <b> (pending, depends on left)' in middle
    assert '○ │ left Say "left" <b> (pending, branch shop)' in middle and "├─╯" in middle
    called = []
    monkeypatch.setattr("flask_migrate.cli._history", lambda *given: called.append(given))
    branched.flask("history", "-r", "one:two")
    assert called == [(None, "one:two", False, False)]
    short = branched.flask("history", "--graph", "-r", "two:right")
    assert "one" not in short and "○ right" in short
    assert "There is no revision nowhere" in branched.fails("history", "--graph", "-r", "nowhere:")
    assert "START:END" in branched.fails("history", "--graph", "-r", "two", code=2)
    assert "--graph" in branched.fails("history", "--svg", code=2)


def test_the_graph_as_mermaid(branched: Any) -> None:
    text = branched.flask("history", "--graph", "--mermaid")
    assert FLOWCHART.fullmatch(text.strip()), text
    assert '["one<br>Say #34;one#34; #60;b#62;<br>applied, folds 3 revisions"]:::applied' in text
    names = {name: node for node, name in re.findall(r'(r\d+)\["(\w+)<br>', text)}
    for parent, child in (("one", "two"), ("left", "both"), ("right", "both")):
        assert f"    {names[parent]} --> {names[child]}\n" in text
    assert f"    {names['left']} -.-> {names['right']}\n" in text
    branched.flask("history", "--graph", "--to", "chain.md")
    assert f"```mermaid\n{text.strip()}\n```" in (branched.path / "chain.md").read_text()
    branched.flask("history", "--graph", "--to", "chain.mmd")
    assert (branched.path / "chain.mmd").read_text() == text


def test_the_graph_as_a_picture(branched: Any) -> None:
    assert "docs/history.svg" in branched.flask("history", "--graph", "--svg")
    root = ET.fromstring((branched.path / "docs" / "history.svg").read_text())
    space = {"s": "http://www.w3.org/2000/svg"}
    assert len(root.findall("s:circle", space)) == 5 and root.get("role") == "img"
    assert len(root.findall("s:circle[@class='dot pending pending']", space)) == 3
    words = root.find("s:desc", space).text
    assert 'both, Say "both" <b>, head, pending; ' in words and "folds 3 revisions" in words
    assert "ends in .svg" in branched.fails("history", "--graph", "--svg", "--to", "x.md", code=2)


def test_without_revisions_or_a_database_that_answers(project: Any) -> None:
    assert "There is no revision yet" in project.flask("history", "--graph")
    write_revision(project, "one", NOTHING)
    project.config["SQLALCHEMY_BINDS"] = {"audit": "postgresql+psycopg://nobody@127.0.0.1:1/audit"}
    out = project.flask("history", "--graph")
    assert "What audit has is not known: " in out and "one one" in out
    project.config["SQLALCHEMY_BINDS"] = {}
    project.flask("upgrade")
    project.sql("UPDATE alembic_version SET version_num = 'gone'")
    assert "What default has is not known: " in project.flask("history", "--graph")
    assert draw_svg([]).count("<circle") == 0 and FLOWCHART.fullmatch(draw_mermaid([]))


def test_two_databases_differ(project: Any) -> None:
    project.config["SQLALCHEMY_BINDS"] = {"audit": f"sqlite:///{project.path}/instance/audit.db"}
    write_revision(project, "one", f"{NOTHING}\n{NOTHING.replace('grade()', 'grade_audit()')}")
    project.flask("upgrade", "--bind", "audit")
    assert "◐ one one (head, default: pending, audit: applied)" in project.flask("history", "--graph")
    with project.create_app().app_context():
        (only,) = api.history().revisions
        assert only.states == {"default": "pending", "audit": "applied"} and only.state == "partly applied"
        assert api.history(bind="audit").revisions[0].state == "applied"


def test_a_revision_that_stopped_half_way(started: Any) -> None:
    project = started("mariadb")
    write_revision(
        project, "half", 'def upgrade():\n    op.create_table("t", sa.Column("n", sa.Integer))\n    1 / 0\n'
    )
    project.fails("upgrade")
    assert "✗ half half (head, half applied)\n● start start\n" in project.flask("history", "--graph")
