"""A project made from one version of the template takes up the next, with all its owner has changed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from project import Bake, BakedProject

IDENTITY = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
FOLDER = "{{cookiecutter.project_slug}}"

ORDERS = '''"""Orders."""

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from ..database import db


class Order(db.Model):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
'''
# What an owner changes: file, what is there, what comes behind it.
MINE = [
    ("my_app/__init__.py", "    cli.init_app(app)\n", '    app.config.setdefault("MINE", 1)\n'),
    (
        "my_app/config.py",
        "    _read_settings_file(app)\n",
        '    app.config["MINE"] = os.getenv("MINE")\n',
    ),
    ("my_app/cli.py", "    app.cli.add_command(seed)\n", '    app.cli.add_command(click.Command("mine"))\n'),
    ("my_app/database.py", "more_metadata: list[MetaData] = []\n", "MINE: list[str] = []\n"),
    ("my_app/models/users.py", "    created_at: Mapped[datetime]", ""),  # add_column() is the change
    (
        "my_app/web/__init__.py",
        "    app.register_blueprint(health.blueprint)\n",
        "    app.extensions\n",
    ),
    ("my_app/welcome/templates/welcome.html", "<h3>Revisions</h3>\n", "<!-- mine -->\n"),
    (
        "migrations/env.py",
        "    compare_type=True,\n",
        "    include_schemas=True,\n",
    ),
    ("tests/conftest.py", "    drop_database(url)\n", "\n\nMINE = 1\n"),
    ("README.md", "## Changing the database\n", "\nOurs is special.\n"),
    ("Makefile", "\t@$(FLASK) shell\n", "\nmine: ## ours\n\t@true\n"),
    ("pyproject.toml", '    "sqlalchemy>=2.1,<3",\n', '    "click>=8",\n'),
    ("pyproject.toml", 'filterwarnings = ["error"]\n', "log_level = 10\n"),
    (".gitignore", "/instance/\n", "/uploads/\n"),
    (".env.example", "# SECRET_KEY=\n", "# MINE=\n"),
    (".flaskenv", "FLASK_DEBUG=1\n", "MINE=1\n"),
    (".gitattributes", "* text=auto eol=lf\n", "*.pdf binary\n"),
    (".editorconfig", "indent_style = tab\n", "\n[*.js]\nindent_size = 2\n"),
    ("LICENSE", "MIT License\n", "\nCopyright (c) me, too\n"),
    ("docs/ci.md", "# Before others get it\n", "\nWe call ours like tickets.\n"),
]


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", message)


def substitute(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def publish_second_version(repository: Path) -> None:
    """Change every Python file, the baseline too; add, rename and remove files; bring a revision."""
    project = repository / FOLDER
    for path in [*project.rglob("*.py"), *project.rglob("*.py{% endif %}")]:
        text = path.read_text(encoding="utf-8")
        path.write_text(f"# The second version.\n{text}", encoding="utf-8")
    (project / "docs" / "ci.md").rename(project / "docs" / "checks.md")
    (project / "docs" / "security.md").unlink()
    (project / "docs" / "second.md").write_text("# What is new\n")
    (baseline,) = (project / "migrations" / "versions").glob("*if cookiecutter.example_models*")
    substitute(baseline, "def upgrade", "def unused() -> None:\n    pass\n\n\ndef upgrade")
    (project / "migrations" / "versions" / "20270101_0000_aaaaaaaaaaaa_more.py").write_text(
        'revision = "aaaaaaaaaaaa"\ndown_revision = "3f1d9a62c0b7"\n'
    )
    substitute(project / "migrations" / "HEAD", "# Revisions", "# The revisions")
    substitute(project / "README.md", "## Where things are\n", "## New\n\nMore.\n\n## Where things are\n")
    substitute(project / "Makefile", "lint: $(READY)", "second: ## new\n\t@true\n\nlint: $(READY)")
    substitute(project / "pyproject.toml", '"python-dotenv>=1.1,<2"', '"python-dotenv>=1.1.0,<2"')
    substitute(project / "pyproject.toml", "[tool.ruff]\n", "[tool.second]\n\n[tool.ruff]\n")
    substitute(project / ".gitignore", "# Settings", "# The settings")
    substitute(project / ".env.example", "# Copy to", "# To be copied to")
    substitute(
        repository / "cookiecutter.json",
        '  "example_models": true,',
        '  "colour": "red",\n  "example_models": true,',
    )
    substitute(repository / "CHANGELOG.md", "## Unreleased\n", "## Unreleased\n\n`make second` is new.\n")
    commit(repository, "second version")


@pytest.fixture
def created(repository: Path, environment: Path, tmp_path: Path) -> BakedProject:
    """A project that cruft made from the first version, tagged v1; the template is at v2 by now."""
    git(repository, "tag", "v1")
    cruft = Path(sys.executable).with_name("cruft")
    subprocess.run(
        [cruft, "create", "--no-input", str(repository)], cwd=tmp_path, check=True, capture_output=True
    )
    project = BakedProject(tmp_path / "my-app")
    git(project.path, "init", "--quiet")
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")  # a link here, so no folder
    project.share(environment)
    publish_second_version(repository)
    return project


def change_everything(project: BakedProject) -> None:
    for file, there, added in MINE:
        project.edit(file, there, there + added)
    project.add_column()
    (project.models / "orders.py").write_text(ORDERS)
    (project.path / "manage.py").unlink()  # gone is gone
    (project.path / ".venv" / "ready").touch()
    project.revise("orders and phones")


def texts(project: BakedProject) -> dict[str, str]:
    names = [name for name in git(project.path, "ls-files").splitlines() if not name.endswith(".whl")]
    return {name: (project.path / name).read_text(encoding="utf-8") for name in names}


@pytest.mark.parametrize("committed", ["pristine", "as changed"])
def test_all_changes_of_the_owner_and_of_the_template_are_there(
    created: BakedProject, committed: str
) -> None:
    """Also where the files were never committed as the template had made them."""
    if committed == "pristine":
        commit(created.path, "from the template")
    change_everything(created)
    commit(created.path, "mine")
    revisions = {path.name: path.read_bytes() for path in (created.path / "migrations/versions").glob("*.py")}
    chain = (created.path / "migrations" / "HEAD").read_bytes()

    out = created.make("update-template").out
    assert "`make second` is new." in out and "git diff --staged" in out

    now = texts(created)
    assert not [name for name in git(created.path, "ls-files", "--others").splitlines() if ".rej" in name]
    assert not [name for name, text in now.items() if re.search("^(<<<<<<<|>>>>>>>)", text, re.MULTILINE)]
    renamed = {"docs/ci.md": "docs/checks.md"}
    assert [file for file, _, added in MINE if added not in now[renamed.get(file, file)]] == []
    template = {
        n for n in now if n.endswith(".py") and "versions" not in n and n != "my_app/models/orders.py"
    }
    assert [name for name in template if not now[name].startswith("# The second version.\n")] == []
    assert "phone" in now["my_app/models/users.py"] and "second:" in now["Makefile"]
    assert "docs/second.md" in now and "docs/security.md" not in now and "manage.py" not in now
    assert "tool.second" in now["pyproject.toml"] and '"colour": "red"' in now[".cruft.json"]
    # No revision comes, and none that is there changes.
    files = {path.name: path.read_bytes() for path in (created.path / "migrations/versions").glob("*.py")}
    assert (files, (created.path / "migrations" / "HEAD").read_bytes()) == (revisions, chain)

    (created.path / ".venv" / "ready").touch()
    created.make("test")
    created.make("checkmigrations")
    commit(created.path, "template")
    assert created.make("update-template").out == "The template has nothing new.\n"


BUMP = """\
import sys

sys.path.insert(0, "tools")
import build_wheel, release

release.bump(build_wheel.version(), "98.0.0")
build_wheel.main()
"""


def test_a_new_version_of_the_library_comes_with_the_template(repository: Path, tmp_path: Path) -> None:
    """The wheel, which is a binary file, and its path in pyproject.toml; the next `make` installs it."""
    cruft = Path(sys.executable).with_name("cruft")
    command = [cruft, "create", "--no-input", str(repository)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    project = BakedProject(tmp_path / "my-app")
    project.env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # there is a uv
    git(project.path, "init", "--quiet")
    project.make("db", f"PYTHON={sys.executable}")
    (old,) = (project.path / "vendor").iterdir()
    # As in any project: other dependencies, and the lock is committed.
    project.edit(
        "pyproject.toml", '    "sqlalchemy>=2.1,<3",\n', '    "sqlalchemy>=2.1,<3",\n    "click>=8",\n'
    )
    project.make("setup")
    commit(project.path, "mine")
    subprocess.run([sys.executable, "-c", BUMP], cwd=repository, check=True)
    commit(repository, "a new version of the library")

    project.make("update-template")
    (new,) = (project.path / "vendor").iterdir()
    assert new.name == "flask_safe_migrations-98.0.0-py3-none-any.whl" != old.name
    assert new.read_bytes() == (repository / FOLDER / "vendor" / new.name).read_bytes()
    pinned = (project.path / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"vendor/{new.name}"' in pinned and old.name not in pinned and '"click>=8"' in pinned
    assert "Setting up" in project.make("status").out
    code = "from importlib.metadata import version; print(version('flask-safe-migrations'))"
    assert project.run(project.python, "-c", code).out == "98.0.0\n"
    assert f'"vendor/{new.name}"' in (project.path / "uv.lock").read_text(encoding="utf-8")
    assert "Pending   nothing" in project.make("status").out
    commit(project.path, "template")
    assert project.make("update-template").out == "The template has nothing new.\n"


def test_the_same_line_changed_twice_is_a_conflict_for_git(created: BakedProject) -> None:
    """Also a file that both have added."""
    created.edit("README.md", "## Where things are\n", "## Where my things are\n")
    (created.path / "docs" / "second.md").write_text("# My own\n")
    commit(created.path, "mine, the first thing that is ever committed")
    out = created.make("update-template", check=False).out
    assert "same lines of README.md, docs/second.md" in out and "Traceback" not in out
    now = texts(created)
    assert "my things" in now["README.md"] and "My own" in now["docs/second.md"]
    assert {name for name, text in now.items() if "\n<<<<<<<" in f"\n{text}"} == {
        "README.md",
        "docs/second.md",
    }
    assert "second:" in now["Makefile"]
    assert not list(created.path.glob("**/*.rej"))


def test_to_one_version_and_from_a_template_that_is_gone(created: BakedProject, repository: Path) -> None:
    commit(created.path, "first")
    assert "nothing new" in created.make("update-template", "args=--checkout v1").out
    repository.rename(repository.with_name("elsewhere"))
    out = created.make("update-template", check=False).out
    assert "does not exist" in out and "nothing was changed" in out and "Traceback" not in out
    assert git(created.path, "status", "--porcelain") == ""


def test_what_has_to_be_done_first_is_one_sentence(project: BakedProject) -> None:
    assert "cruft link" in project.fails("make", "update-template", code=2)
    (project.path / ".cruft.json").write_text("{}")
    assert "git init" in project.fails("make", "update-template", code=2)
    git(project.path, "init", "--quiet")
    assert "git init" in project.fails("make", "update-template", code=2)
    commit(project.path, "first")
    project.edit("README.md", "make db", "make  db")
    assert "not committed" in project.fails("make", "update-template", code=2)


def test_a_project_of_plain_cookiecutter_is_linked_as_the_sentence_says(bake: Bake, repository: Path) -> None:
    git(repository, "tag", "v1")
    publish_second_version(repository)
    project = bake()
    git(project.path, "init", "--quiet")
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")
    sentence = project.fails("make", "update-template", code=2)
    command = re.search("`uv tool run (cruft link URL --checkout VERSION)`", sentence)[1]
    _, *arguments = command.replace("URL", str(repository)).replace("VERSION", "v1").split()
    cruft = Path(sys.executable).with_name("cruft")
    project.run(cruft, *arguments, "--no-input")
    commit(project.path, "linked")
    assert "`make second` is new." in project.make("update-template").out
    assert (project.path / "docs" / "second.md").exists()
