"""The documentation of a generated project: every command runs, every sentence that it quotes is said."""

import ast
import json
import re
from pathlib import Path

import pytest
from conftest import TEMPLATE, Bake
from pages import BLOCK, Reader, blocks, under_git
from project import BakedProject, rewrite


def source(test: str) -> str:
    """The text of a test file, in whichever folder it is."""
    (path,) = (TEMPLATE / "tests").rglob(test)
    return path.read_text()


# Pages that a test follows from top to bottom.
FOLLOWED = {
    "tutorial.md": "test_tutorial.py",
    "first-hour.md": "test_docs.py",
    "deployment.md": "test_containers.py",  # from "Expand and contract" on, test_expand_contract.py
}
# Commands of the other pages, each with the test that runs it and what shows there that it does.
RUN_IN = {
    "make db": ("test_first_run.py", 'make("db")'),
    "make run": ("test_first_run.py", '["make", "run"]'),
    "make test": ("test_first_run.py", 'make("test")'),
    'make newmigration m="add users.phone"': ("test_docs.py", "the_commands_of_the_guide"),
    'make newmigration m="add users.nick"': ("test_docs.py", "the_commands_of_the_guide"),
    "make sql": ("test_docs.py", "the_commands_of_the_guide"),
    "make migrate": ("test_docs.py", "the_commands_of_the_guide"),
    "make rollback": ("test_docs.py", "the_commands_of_the_guide"),
    'make newmigration m="full names" args="--rename users.name:full_name"': (
        "test_newmigration.py",
        '"args=--rename users.name:full_name"',
    ),
    'make newmigration m="nicknames" args="--default users.nick=none"': (
        "test_newmigration.py",
        '"args=--default users.nick=none"',
    ),
    'make newmigration m="no more tags" args="--drop tags"': ("test_docs.py", "args=--drop tags"),
    'make newmigration m="fill nicknames" data=users.nick': ("test_data_revisions.py", '"data=users.nick"'),
    "flask db new --prove": ("test_data_revisions.py", '"--prove"'),
    "make adopt": ("test_adoption.py", '"adopt"'),
    "make adopt args=--models": ("test_adopt_models.py", '"--models"'),
    "make rebase": ("test_rebase.py", '"rebase"'),
    "git add --all migrations && git commit": ("test_rebase.py", '"commit"'),
}


def pages(project: BakedProject) -> list[Path]:
    return [project.path / "README.md", *sorted((project.path / "docs").glob("*.md"))]


def test_every_command_in_a_block_is_run_by_a_test(render: Bake) -> None:
    for page in pages(render()):
        if page.name in FOLLOWED:
            assert f'"{page.name}"' in source(FOLLOWED[page.name])
            continue
        for block in blocks(page.read_text()):
            for line in block.text.splitlines() if block.kind == "sh" else ():
                command = line.partition("  #")[0].partition(" #")[0].strip()
                assert command in RUN_IN, f"{page.name}: no test runs `{command}`"
                file, shown = RUN_IN[command]
                assert shown in source(file), f"{file} no longer runs `{command}`"


def test_the_first_hour_word_for_word(bake: Bake) -> None:
    project = under_git(bake())
    typed = Reader(project).follow(project.path / "docs" / "first-hour.md")
    assert typed >= 7
    assert project.run("git", "status", "--porcelain").out == ""
    assert project.sql("SELECT name FROM users") == [("Ada",)]


def test_the_commands_of_the_guide(project: BakedProject) -> None:
    """Those of the README and of docs/migrations.md, one after the other."""
    project.make("db")
    for column in ("phone", "nick"):
        project.add_column(f"{column}: Mapped[str | None] = mapped_column(String(30))")
        reader = Reader(project)
        text = (project.path / ("README.md" if column == "phone" else "docs/migrations.md")).read_text()
        (block,) = (block for block in blocks(text) if f'm="add users.{column}"' in block.text)
        reader.sh(block)
        assert f"add users.{column}" in reader.said
    assert project.make("status").out.endswith("Pending   nothing\n")
    # A project that no longer wants tags.
    users = project.models / "users.py"
    text = re.sub(
        r"^(user_tags = Table|    tags: ).*?^ *\)\n", "", users.read_text(), flags=re.DOTALL | re.MULTILINE
    )
    rewrite(users, text[: text.index("class Tag(")])
    rewrite(project.path / project.package / "seeds.py", "def seed() -> None:\n    pass\n")
    project.make("newmigration", "m=no more tags", "args=--drop tags --drop user_tags")


def test_every_command_that_is_spoken_of_exists(render: Bake, bake: Bake) -> None:
    """`make x` has its target, `flask db x --y` its verb and option; the options in args="…" too."""
    project = bake()
    code = (
        "import json\nfrom flask_safe_migrations.cli import make_group\n"
        "print(json.dumps({name: [o for p in c.params for o in (*p.opts, *p.secondary_opts)]"
        " for name, c in make_group().commands.items()}))"
    )
    verbs = json.loads(project.run(project.python, "-c", code).out)
    makefile = (project.path / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+): ", makefile, re.MULTILINE))
    behind = dict(re.findall(r"^([a-z-]+): .*\n\t@\$\(FLASK\) db (\w+)", makefile, re.MULTILINE))
    checked = 0
    for page in pages(project):
        text = page.read_text()
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", BLOCK.sub("", text))]
        spans += [line for block in blocks(text) if block.kind == "sh" for line in block.text.splitlines()]
        for span in spans:
            options = re.findall(r"--[a-z][a-z-]*", span)
            if made := re.match(r"(?:[A-Z_]+=\S+ )*make ([a-z-]+)", span):
                verb = behind.get(made[1])
                assert made[1] in targets, f"{page.name}: {span}"
            elif typed := re.match(r"(?:.*/)?flask db ([a-z-]+)", span):
                verb = typed[1]
            else:
                continue
            checked += 1
            assert not verb or {*options} <= {*verbs[verb]}, f"{page.name}: {span}"
    assert checked > 50


def test_links_lead_to_pages(render: Bake) -> None:
    project = render()
    linked = set()
    for page in pages(project):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
                linked.add(Path(link).name)
    assert {page.name for page in (project.path / "docs").glob("*.md")} <= linked


def spoken(project: BakedProject) -> list[str]:
    """Return every text in the code of a project, with … for what is filled in."""
    found = []
    for path in [
        *(TEMPLATE / "src").rglob("*.py"),
        *(project.path / project.package).rglob("*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"\{\w+\}", "…", node.value))
    return found


def quoted(project: BakedProject) -> list[str]:
    page = (project.path / "docs" / "recovery.md").read_text()
    return re.findall(r"^### (.*)$", page, re.MULTILINE)


def as_pattern(sentence: str) -> str:
    return re.escape(sentence).replace("…", ".*")


def test_every_sentence_of_recovery_stands_in_the_code(render: Bake) -> None:
    project = render()
    texts = spoken(project)
    assert len(quoted(project)) > 30
    for sentence in quoted(project):
        assert any(re.search(as_pattern(sentence), text) for text in texts), sentence


def test_recovery_begins_as_the_page_says(project: BakedProject) -> None:
    """The commonest ones, provoked: what the page quotes is what a user reads, and what it advises helps."""

    def page_has(said: str) -> None:
        assert any(re.search(as_pattern(sentence), said) for sentence in quoted(project)), said

    page_has(project.flask_fails("db", "browse", "--port", "1"))
    page_has(project.flask_fails("db", "rebuild", FLASK_DEBUG="0"))
    page_has(project.flask_fails("db", "rebuild", FLASK_DEBUG="0", SECRET_KEY="9f6a1c8e7b"))
    project.make("db")
    project.edit(project.models / "users.py", "    name: Mapped[str]", "    nick: Mapped[str]")
    page_has(project.fails("make", "newmigration", "m=x", code=2))
    project.edit(project.models / "users.py", "    nick: Mapped[str]", "    name: Mapped[str]")
    project.add_column("born: Mapped[int]")
    page_has(project.fails("make", "newmigration", "m=x", code=2))
    project.edit(project.models / "users.py", "    born: Mapped[int]\n", "")
    broken = project.write_revision(
        "broken", 'def upgrade():\n    op.execute("INSERT INTO nosuch VALUES (1)")\n'
    )
    page_has(project.flask_fails("db", "upgrade"))
    broken.unlink()
    project.sql("UPDATE alembic_version SET version_num = 'abc123abc123'")
    page_has(project.flask_fails("db", "upgrade"))
    project.make("db")
    project.sql("DELETE FROM alembic_version")
    page_has(project.flask_fails("db", "upgrade"))
    project.flask("db", "stamp", "head")
    assert project.make("status").out.endswith("Pending   nothing\n")


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_recovery_knows_what_a_server_says(on: Bake, engine: str) -> None:
    project = on(engine)
    scheme, _, rest = project.url.partition("://")
    wrong = f"{scheme}://nobody:wrong@{rest.rpartition('@')[2]}"
    said = project.flask_fails("db", "status", DATABASE_URL=wrong)
    assert any(re.search(as_pattern(sentence), said) for sentence in quoted(project)), said
    off = f"{scheme}://nobody:wrong@127.0.0.1:1/shop_dev"
    said = project.flask_fails("db", "status", DATABASE_URL=off)
    assert "does not answer: start" in said
