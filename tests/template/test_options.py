"""Every combination of options renders to files that their tools accept; bad names are refused."""

import html
import itertools
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from project import ENGINES, TEMPLATE, Bake, BakedProject

LICENSES = ["MIT", "Apache-2.0", "BSD-3-Clause", "none"]
COMBINATIONS = [
    {"license": license, "database": database, "example_models": examples}
    for license, database, examples in itertools.product(LICENSES, ENGINES, [True, False])
]
TEXTS = {
    "quotes": """it's "quoted" '''thrice\"\"\" `so`""",
    "backslashes": r"C:\new\table \" \\",
    "variables": "${HOME} $HOME $(shell id) %(here)s %s {x} #{y} <b>&amp;</b>",
    "newlines": "one\ntwo\r\n\tthree\u2028four",
    "controls": "bell\x07 escape\x1b[31m delete\x7f",
    "emoji": "shop \U0001f6d2 \U0001f469\u200d\U0001f4bb",
    "right to left": "\u05d7\u05e0\u05d5\u05ea \u202e\u0645\u062a\u062c\u0631",
    "yaml": "- a: b # c\n---\n!!python/object x",
    "jinja as text": "}} %} #}",
    "empty": "",
}


def files(project: BakedProject) -> dict[str, bytes]:
    paths = [path for path in project.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(project.path)): path.read_bytes() for path in paths}


def count_lines_of_python(project: BakedProject) -> int:
    """Of the project and its tests; revisions are written by a machine."""
    paths = [path for path in project.path.rglob("*.py") if path.parent.name != "versions"]
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def check(project: BakedProject) -> None:
    """Nothing unrendered, and every file is accepted by what reads it."""
    for name, content in files(project).items():
        if name.endswith(".whl"):
            continue
        text = content.decode()
        assert "cookiecutter." not in text and "cookiecutter" not in name, name
        assert b"\r" not in content, name
        assert text.endswith("\n") and not text.startswith("\n"), name
        if name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yaml", ".yml")):
            yaml.safe_load(text)
        elif name.endswith(".py"):
            compile(text, name, "exec")
    project.run("make", "--dry-run", "help")


@pytest.mark.parametrize("options", COMBINATIONS, ids=lambda options: "-".join(map(str, options.values())))
def test_every_combination(render: Bake, options: dict[str, object]) -> None:
    project = render(**options)
    check(project)
    for command in (["check"], ["format", "--check"]):
        project.run(sys.executable, "-m", "ruff", *command, "--no-cache", ".")
    assert (project.path / "LICENSE").exists() is (options["license"] != "none")
    assert (project.path / "compose.yaml").exists() is (options["database"] != "sqlite")
    assert (project.models / "users.py").exists() is options["example_models"]
    assert len(project.versions) == 1
    # A user owns all of it, and reads it in ten minutes.
    assert len(files(project)) <= 70
    assert 500 < count_lines_of_python(project) <= 1100


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text(render: Bake, text: str) -> None:
    project = render(project_name=text, description=text, author_name=text, author_email=text)
    check(project)
    described = tomllib.loads((project.path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    printable = "".join(character for character in " ".join(text.split()) if character >= " ")
    assert described["description"] == printable.replace("\x7f", "")
    assert described["authors"][0]["name"] == described["description"]


def test_text_with_jinja_typed_at_the_prompt(tmp_path: Path, environment: Path) -> None:
    """On the command line Cookiecutter itself renders values; at the prompt they are text."""
    subprocess.run(
        [sys.executable, "-m", "cookiecutter", TEMPLATE, "--output-dir", tmp_path],
        input="{{ Shop }} {% x\nshop\nshop\n{{ 7 * 7 }} {#\n\n\n\n\n\n",
        text=True,
        check=True,
        capture_output=True,
    )
    check(project := BakedProject(tmp_path / "shop", "shop"))
    described = tomllib.loads((project.path / "pyproject.toml").read_text())["project"]
    assert described["description"] == "{{ 7 * 7 }} {#"
    project.share(environment)
    project.make("db")
    code = "from shop import create_app; print(create_app().test_client().get('/').text)"
    page = project.run(project.python, "-c", code, FLASK_DEBUG="1").out
    assert "<h1>{{ Shop }} {% x</h1>" in html.unescape(page)


@pytest.mark.parametrize(
    ("name", "slug", "package"),
    [
        ("My Shop", "my-shop", "my_shop"),
        ("2048 Game", "2048-game", "app_2048_game"),
        ("\u65e5\u672c", "ri-ben", "ri_ben"),
        ("\U0001f6d2", "my-app", "my_app"),
        ("x" * 300, "x" * 50, "x" * 50),
    ],
)
def test_derived_names(render: Bake, name: str, slug: str, package: str) -> None:
    project = render(project_name=name)
    assert (project.path.name, project.package) == (slug, package)


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        *[("package_name", name, "identifier") for name in ("my-app", "2048", "a b", "", "a.b", "x;y", "'")],
        *[("package_name", name, "keyword") for name in ("class", "None", "match", "type", "_")],
        *[("package_name", name, "standard library") for name in ("json", "test", "email", "JSON")],
        *[("package_name", name, "taken") for name in ("flask", "alembic", "migrations", "tests")],
        *[("package_name", "x" * length, "longer") for length in (60, 64, 300)],
        *[("project_slug", slug, "folder") for slug in ("a/b", "../up", "a\\b", "/abs", "c:d", 'a"b')],
        *[("project_slug", slug, "dot or a dash") for slug in (".hidden", "-rf", "dot.")],
        *[("project_slug", slug, "empty") for slug in (" ", "a\nb")],
        ("project_slug", "x" * 64, "longer"),
    ],
)
def test_bad_names_are_refused(tmp_path: Path, option: str, value: str, reason: str) -> None:
    """One sentence of ours (Cookiecutter adds its own words), and nothing on the disk, not even a folder."""
    options = [f"{name}={text}" for name, text in {"package_name": "shop", option: value}.items()]
    command = [sys.executable, "-m", "cookiecutter", "--no-input", TEMPLATE, *options]
    result = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True)
    assert result.returncode == 1
    (sentence,) = [line for line in result.stderr.splitlines() if line.startswith(option)]
    assert reason in sentence and "choose another" in sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("package", ["x" * 59, "Shop", "\u00e9t\u00e9", "apps"])
def test_unusual_names_that_work(bake: Bake, package: str) -> None:
    project = bake(package_name=package)
    project.make("db")
    assert project.revision


def test_after_baking_the_next_commands_are_printed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cookiecutter", "--no-input", TEMPLATE, "--output-dir", tmp_path]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    *typed, suggestion, end = result.stdout.split("\n")
    assert typed == ["", "  cd my-app", "  make db", "  make run", ""] and end == ""
    label, _, commands = suggestion.partition(": ")
    assert label == "To keep it in version control"
    # Only a suggestion, and one that works: nothing has been done yet.
    assert not (tmp_path / "my-app" / ".git").exists()
    git = {
        f"GIT_{who}_{what}": "x@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    project = BakedProject(tmp_path / "my-app", env=git)
    project.run("sh", "-c", commands)
    assert project.run("git", "status", "--porcelain").out == ""
    assert "AGENTS.md" in project.run("git", "ls-files").out
    assert result.stderr == ""
