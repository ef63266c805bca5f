"""The documentation, of the library and of a generated project: every command runs, every sentence is one."""

import ast
import inspect
import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import BLOCK, Block, Reader, blocks, under_git
from project import TEMPLATE, Bake, BakedProject, clean_environment, rewrite

from flask_safe_migrations.urls import parse_url

PACKAGE = TEMPLATE / "src" / "flask_safe_migrations"
HELP = PACKAGE / "help"
TOPICS = sorted(HELP.glob("*.md"))
LIBRARY = [TEMPLATE / "README.md", TEMPLATE / "CONTRIBUTING.md", *TOPICS, *(TEMPLATE / "docs").glob("*.md")]


def source(test: str) -> str:
    """The text of a test file, in whichever folder it is."""
    (path,) = (TEMPLATE / "tests").rglob(test)
    return path.read_text()


# Pages that a test follows from top to bottom.
FOLLOWED = {
    "tutorial.md": "test_tutorial.py",
    "first-hour.md": "test_docs.py",
    "installation.md": "test_docs.py",
    "leaving.md": "test_docs.py",
    "deployment.md": "test_containers.py",  # from "Expand and contract" on, test_expand_contract.py
}
# Commands of the other pages, each with the test that runs it and what shows there that it does.
RUN_IN = {
    "uvx cookiecutter gh:org/template": ("test_ways_to_generate.py", '["cookiecutter", "--no-input"'),
    "make db": ("test_first_run.py", 'make("db")'),
    "make run": ("test_first_run.py", '["make", "run"]'),
    "make test": ("test_first_run.py", 'make("test")'),
    'make newmigration m="add users.phone"': ("test_docs.py", "the_commands_of_the_guide"),
    "make sql": ("test_docs.py", "the_commands_of_the_guide"),
    "make migrate": ("test_docs.py", "the_commands_of_the_guide"),
    "make rollback": ("test_docs.py", "the_commands_of_the_guide"),
    'flask db new -m "add users.nick"': ("test_docs.py", "the_commands_of_the_guide"),
    "flask db sql": ("test_docs.py", "the_commands_of_the_guide"),
    "flask db upgrade": ("test_docs.py", "the_commands_of_the_guide"),
    'flask db new -m "full names" --rename users.name:full_name': (
        "test_newmigration.py",
        '"args=--rename users.name:full_name"',
    ),
    'flask db new -m "nicknames" --default users.nick=none': (
        "test_newmigration.py",
        '"args=--default users.nick=none"',
    ),
    'flask db new -m "no more tags" --drop tags': ("test_docs.py", "args=--drop tags"),
    'flask db new -m "fill nicknames" --data users.nick': ("test_data_revisions.py", '"data=users.nick"'),
    "flask db new --prove": ("test_data_revisions.py", '"--prove"'),
    "flask db verify": ("test_verify.py", '"verify"'),
    "flask db verify --format github": ("test_github.py", '"verify", "--format", "github"'),
    "flask db verify --against v1.4": ("test_against.py", '"--against", name'),
    "flask db status": ("test_docs.py", '"status"'),
    "flask db adopt": ("test_adoption.py", '"adopt"'),
    "flask db adopt --models": ("test_adopt_models.py", '"--models"'),
    "flask db rebase": ("test_rebase.py", '"rebase"'),
    "git add --all migrations && git commit": ("test_rebase.py", '"commit"'),
    "flask db help": ("test_docs.py", '"help"'),
    "pip install ./flask_safe_migrations-*.whl": ("test_docs.py", '"installation.md"'),
    # Of the repository itself.
    "make demo": ("test_first_run.py", '"tests/demo.sh"'),
    "make lint": ("../.ci/run", "make lint"),
    "make docs": ("test_docs.py", "def test_the_pages_are_built_without_a_warning"),
}


def pages(project: BakedProject) -> list[Path]:
    return [project.path / "README.md", *sorted((project.path / "docs").glob("*.md"))]


def read(page: Path) -> str:
    """Return the text of a page; what is indented under an item of a list stands at the margin."""
    return re.sub(r"^ {3}(?=\S| )", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE)


def test_every_command_in_a_block_is_run_by_a_test(render: Bake) -> None:
    seen = 0
    for page in [*pages(render()), *LIBRARY]:
        if page.name in FOLLOWED:
            assert f'"{page.name}"' in source(FOLLOWED[page.name])
            continue
        for block in blocks(read(page)):
            for line in block.text.splitlines() if block.kind == "sh" else ():
                command = line.partition("  #")[0].partition(" #")[0].strip()
                assert command in RUN_IN, f"{page.name}: no test runs `{command}`"
                file, shown = RUN_IN[command]
                assert shown in source(file), f"{file} no longer runs `{command}`"
                seen += 1
    assert seen > 20


@pytest.mark.slow
@pytest.mark.parametrize("git", [True, False], ids=["with git", "without git"])
def test_F42_the_first_hour_word_for_word(bake: Bake, git: bool) -> None:
    project = under_git(bake()) if git else bake()
    page = project.path / "docs" / "first-hour.md"
    manifest = project.path / "migrations" / "HEAD"
    before = manifest.read_text()
    assert Reader(project).follow(page) >= 7
    assert manifest.read_text() == before
    if git:
        assert project.run("git", "status", "--porcelain").out == ""
    assert project.sql("SELECT name FROM users") == [("Ada",)]


def test_the_five_minutes_of_the_readme(project: BakedProject) -> None:
    """What is typed, and what it prints: but for ids, times, versions and where the project is."""
    (block,) = (block for block in blocks(read(TEMPLATE / "README.md")) if block.kind == "console")
    typed = 0
    for part in block.text.split("$ ", 1)[1].split("\n$ "):
        command, _, printed = part.partition("\n")
        if command.startswith("$EDITOR"):
            project.add_column(command.partition("add: ")[2])
            continue
        out = project.run("sh", "-c", command).out
        output = re.sub(r"\n    (\d\.\d\d s)$", r"  \1", out, flags=re.MULTILINE)  # as on a terminal
        pattern = re.escape(printed.strip().replace("/home/you/my-app", str(project.path)))
        for changing in (r"(?!3f1d9a62c0b7)\b[0-9a-f]{12}\b", r"\d{8}_\d{4}", r"0\\.\d\d\\ s", r"3\\.40\\.1"):
            pattern = re.sub(changing, ".*", pattern)
        pattern = re.sub(r"Setting\\ up.*\n", "", pattern)  # the environment is there
        assert re.search(pattern.replace("1babbcfd05f5", ".*"), output), f"{pattern}\n{output}"
        typed += 1
    assert typed == 4


def test_the_commands_of_the_guide(project: BakedProject) -> None:
    """Those of the project's README and of the guide, one after the other."""
    project.make("db")
    project.env["PATH"] = f"{project.python.parent}:{os.environ['PATH']}"
    for column, page in (("phone", project.path / "README.md"), ("nick", HELP / "guide.md")):
        project.add_column(f"{column}: Mapped[str | None] = mapped_column(String(30))")
        reader = Reader(project)
        text = page.read_text()
        (block,) = (block for block in blocks(text) if f'"add users.{column}"' in block.text)
        reader.sh(block)
        assert f"add users.{column}" in reader.output
    assert project.flask("db", "status").out.endswith("Pending   nothing\n")
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
    own = set(re.findall(r"^([a-z-]+): ", (TEMPLATE / "Makefile").read_text(), re.MULTILINE))
    behind = dict(re.findall(r"^([a-z-]+): .*\n\t@\$\(FLASK\) db (\w+)", makefile, re.MULTILINE))
    checked = 0
    for page in [*pages(project), *LIBRARY]:
        text = read(page)
        spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", BLOCK.sub("", text))]
        spans += [line for block in blocks(text) if block.kind == "sh" for line in block.text.splitlines()]
        for span in spans:
            options = re.findall(r"--[a-z][a-z-]*", span)
            if made := re.match(r"(?:[A-Z_]+=\S+ )*make ([a-z-]+)", span):
                verb = behind.get(made[1])
                known = targets | own if page.is_relative_to(TEMPLATE) else targets
                assert made[1] in known, f"{page.name}: {span}"
            elif typed := re.match(r"(?:.*/)?flask db ([a-z-]+)", span):
                verb = typed[1]
                assert verb in verbs, f"{page.name}: {span}"
            else:
                continue
            checked += 1
            assert not verb or {*options} <= {*verbs[verb], "--verbose"}, f"{page.name}: {span}"
            topic = re.match(r".*flask db help ([a-z-]+)$", span)
            assert not topic or (HELP / f"{topic[1]}.md").exists(), f"{page.name}: {span}"
    assert checked > 150


def test_links_lead_to_pages(render: Bake) -> None:
    project = render()
    linked = set()
    for page in pages(project):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name}: {link}"
                linked.add(Path(link).name)
    assert {page.name for page in (project.path / "docs").glob("*.md")} <= linked


def test_links_of_the_library_lead_to_pages() -> None:
    """Those of docs/ lead to topics/, which is made of help/ before the pages are built."""
    linked = set()
    for page in LIBRARY:
        for link, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", read(page)):
            if "://" in link:
                continue
            made = link.startswith("topics/")
            target = HELP / Path(link).name if made else page.parent / (link or page.name)
            assert target.exists(), f"{page.name}: {link}"
            if heading:
                headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
                assert heading in {re.sub(r"[^\w-]", "", h.lower().replace(" ", "-")) for h in headings}
            linked.add(target.name)
    assert len(linked) > 8


def spoken(project: BakedProject) -> list[str]:
    """Return every text in the code of a project, with … for what is filled in."""
    found = []
    for path in [
        *PACKAGE.rglob("*.py"),
        *(project.path / project.package).rglob("*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
                found.append("".join(map(str, parts)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"\{\w+\}", "…", node.value))
    return found


def quoted() -> list[str]:
    page = (HELP / "recovery.md").read_text()
    return re.findall(r"^### (.*)$", page, re.MULTILINE)


def as_pattern(sentence: str) -> str:
    return re.escape(sentence).replace("…", ".*")


def test_every_sentence_of_recovery_stands_in_the_code(render: Bake) -> None:
    project = render()
    texts = spoken(project)
    assert len(quoted()) > 30
    for sentence in quoted():
        assert any(re.search(as_pattern(sentence), text) for text in texts), sentence


def test_recovery_begins_as_the_page_says(project: BakedProject) -> None:
    """The commonest ones, provoked: what the page quotes is what a user reads, and what it advises helps."""

    def page_has(output: str) -> None:
        assert any(re.search(as_pattern(sentence), output) for sentence in quoted()), output

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
    output = project.flask_fails("db", "status", DATABASE_URL=wrong)
    assert any(re.search(as_pattern(sentence), output) for sentence in quoted()), output
    off = f"{scheme}://nobody:wrong@127.0.0.1:1/shop_dev"
    output = project.flask_fails("db", "status", DATABASE_URL=off)
    assert "does not answer: start" in output


def test_every_setting_is_on_its_page() -> None:
    """Each that settings.py reads, and none that it does not."""
    code = (PACKAGE / "settings.py").read_text()
    known = set(re.findall(r'"((?:[A-Z]+_)+[A-Z]+)"', code))
    page, _, _ = (HELP / "settings.md").read_text().partition("## The terminal")
    assert known == set(re.findall(r"^\| `([A-Z_]+)`", page, re.MULTILINE))
    environment = set(re.findall(r'^    "([A-Z_]+)",$', code, re.MULTILINE))
    assert environment == set(re.findall(r"^\| `([A-Z_]+)` .*\*env\*", page, re.MULTILINE))
    for name, default in re.findall(r'_seconds\(config, "(\w+)", (\d+)\)', code):
        assert re.search(rf"^\| `{name}` \| {default}\b.* \| seconds", page, re.MULTILINE), name


def test_help_shows_every_page(project: BakedProject) -> None:
    """In one process, as its start is most of the time."""
    code = (
        "import json, sys\nfrom my_app import create_app\nrunner = create_app().test_cli_runner()\n"
        "run = lambda words: runner.invoke(args=['db', 'help', *words], prog_name='flask')\n"
        "results = [run(words) for words in json.load(sys.stdin)]\n"
        "print(json.dumps([(each.exit_code, each.output) for each in results]))"
    )
    asked = [[], *([page.stem] for page in TOPICS), ["Squash.md"], ["upgrade"], ["sqaush"], ["zzz"]]
    done = subprocess.run(
        [project.python, "-c", code],
        input=json.dumps(asked),
        cwd=project.path,
        env=clean_environment() | {"FLASK_DEBUG": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    listed, *shown, by_file, command, near, unknown = json.loads(done.stdout)
    # One line for each topic, and each page starts with that line.
    lines = dict(re.findall(r"^  ([a-z-]+) +(\S.*)$", listed[1], re.MULTILINE))
    assert sorted(lines) == [page.stem for page in TOPICS]
    for page, (code, text) in zip(TOPICS, shown, strict=True):
        assert code == 0 and len(lines[page.stem]) <= 80
        assert text.startswith(page.read_text().partition("\n\n")[0] + f"\n\n{lines[page.stem]}\n")
        assert not re.search(r"\]\([a-z-]+\.md", text), page.name
    assert "autogenerate (`flask db help autogenerate`)" in shown[TOPICS.index(HELP / "guide.md")][1]
    assert by_file[1].startswith("# Squash") and "--undo-foreign" in command[1]
    assert near == [2, "Error: There is no help on sqaush: try one of squash, status.\n"]
    assert unknown[0] == 2 and "recovery" in unknown[1] and unknown[1].count("\n") == 1


def test_help_uses_a_pager_on_a_terminal_only(project: BakedProject, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text('#!/bin/sh\necho PAGER\nexec cat "$@"\n')
    pager.chmod(0o755)
    assert project.flask("db", "help", "squash", PAGER=str(pager)).out.startswith("# Squash\n")
    ours, theirs = pty.openpty()
    command = [project.python, "-m", "flask", "db", "help", "leaving"]
    environment = clean_environment() | project.env | {"PAGER": str(pager), "TERM": "xterm"}
    with subprocess.Popen(command, cwd=project.path, env=environment, stdin=theirs, stdout=theirs) as process:
        os.close(theirs)
        output = b""
        try:
            while part := os.read(ours, 4096):
                output += part
        except OSError:  # the terminal is closed: all was printed
            pass
        assert process.wait(60) == 0
    os.close(ours)
    assert output.startswith(b"PAGER\r\n# Leaving\r\n")


def test_topics_are_listed_in_one_order() -> None:
    """In the terminal as in the table of contents."""
    index = re.findall(r"^topics/([a-z-]+)$", (TEMPLATE / "docs" / "index.md").read_text(), re.MULTILINE)
    (code,) = PACKAGE.glob("*/help.py")
    listed = code.read_text().partition("TOPICS = (")[2].partition(")")[0]
    assert re.findall(r'"([a-z-]+)"', listed) == index
    assert sorted(index) == [page.stem for page in TOPICS]


@pytest.mark.slow
def test_the_pages_are_built_without_a_warning(tmp_path: Path) -> None:
    """What `make docs` runs."""
    (line,) = re.findall(r"sphinx (.*) docs docs/_build/html", (TEMPLATE / "Makefile").read_text())
    made = tmp_path / "html"
    result = subprocess.run(
        [sys.executable, "-m", "sphinx", *line.split(), "-d", tmp_path / "doctrees", "docs", made],
        cwd=TEMPLATE,
        env=clean_environment() | {"PYTHONPATH": str(TEMPLATE / "src")},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    api = (made / "api.html").read_text()
    for name in ("Migrate", "Environment", "MigrationError", "NAMING_CONVENTION", "create_database"):
        assert f'id="flask_safe_migrations.{name}"' in api or f'.{name}"' in api, name
    assert (made / "topics" / "recovery.html").exists()


class PlainReader(Reader):
    """Of a page that does not name the file which has an import: it differs from project to project."""

    def __init__(self, project: BakedProject, module: str) -> None:
        super().__init__(project)
        self.module = module

    def path(self, block: Block) -> Path:
        if block.text.startswith(('"""Alembic', "from alembic")):
            return self.project.path / "migrations" / "env.py"
        return self.project.path / self.module

    def python(self, block: Block) -> None:
        rewrite(self.path(block), block.text)


@pytest.mark.slow
def test_the_installation_word_for_word(tmp_path: Path) -> None:
    """In an environment that has nothing yet, with plain pip."""
    project = BakedProject(tmp_path)
    project.run(sys.executable, "-m", "venv", ".venv")
    (wheel,) = (TEMPLATE / "{{cookiecutter.project_slug}}" / "vendor").glob("*.whl")
    shutil.copy(wheel, tmp_path)
    project.env |= {"PATH": f"{tmp_path}/.venv/bin:{os.environ['PATH']}", "FLASK_APP": "my_app"}
    reader = PlainReader(project, "my_app.py")
    text = read(HELP / "installation.md")
    for block in blocks(text[text.index("## An application without migrations") :]):
        getattr(reader, block.kind)(block)
        if "pip install" in block.text:  # the wheel may be of the last release: the pages are of today
            project.env["PYTHONPATH"] = str(TEMPLATE / "src")
    assert (tmp_path / "instance" / "app.db").exists()
    assert "Pending   nothing" in project.flask("db", "status").out


def leave_in_the_application(project: BakedProject) -> None:
    """What step 3 of the page says."""
    package = project.path / project.package
    shutil.rmtree(package / "welcome")
    project.edit(package / "web" / "__init__.py", "from .. import welcome\n", "")
    project.edit(package / "web" / "__init__.py", "    app.register_blueprint(welcome.blueprint)\n", "")
    health = package / "web" / "health.py"
    project.edit(health, "from flask_safe_migrations.readiness import behind\n", "")
    project.edit(health, "problems = behind()", "problems: list[str] = []")
    development = package / "development.py"
    rewrite(development, development.read_text().partition("\n\ndef _find_postgresql")[0])
    project.edit(development, "from flask_safe_migrations import MigrationError\n", "")
    call = '_find_postgresql(url, instance / "postgresql")'
    project.edit(development, call, "url")
    copied = (TEMPLATE / "src" / "flask_safe_migrations" / "urls.py").read_text()
    copied = copied[copied.index("# Hosting companies") : copied.index("LOCAL = ")] + inspect.getsource(
        parse_url
    )
    imports = "import re\n\nfrom sqlalchemy import make_url\nfrom sqlalchemy.exc import ArgumentError\n\n"
    config = package / "config.py"
    project.edit(config, "from flask_safe_migrations import MigrationError\n", "")
    project.edit(config, "from flask_safe_migrations.urls import parse_url\n", "")
    project.edit(config, "ROOT = ", f"MigrationError = SetupError\n{imports}{copied}\nROOT = ")


def test_leaving_word_for_word(project: BakedProject, tmp_path: Path) -> None:
    """The library is not even there any more: the project and its history still work."""
    project.make("db")
    before = project.revision
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['flask_safe_migrations'] = None\n")
    project.env |= {
        "PYTHONPATH": str(tmp_path),
        "PATH": f"{project.python.parent}:{os.environ['PATH']}",
        "FLASK_APP": "my_app",
    }
    leave_in_the_application(project)
    reader = PlainReader(project, f"{project.package}/database.py")
    typed = 0
    for block in blocks(read(HELP / "leaving.md")):
        getattr(reader, block.kind)(block)
        typed += block.kind == "sh"
    assert typed == 2 and f"{before} (head)" in reader.output
    project.add_column()
    output = project.flask("db", "migrate", "-m", "phone").out
    assert "Detected removed table 'migration_applied'" in output  # as the page says
    assert "ix_" not in output and "fk_" not in output, "a name of a constraint is taken for a new one"
    project.flask("db", "upgrade")
    assert project.sql("SELECT phone FROM users") == [(None,)]
