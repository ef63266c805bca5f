"""What a generated project brings besides code: AGENTS.md, and targets that make daily work short."""

import json
import os
import re
import subprocess
import time
import urllib.request

import pytest
import yaml
from pages import blocks
from project import ENGINES, Bake, BakedProject, clean_environment
from servers import free_port


def test_agents_page_is_one_page_and_names_what_there_is(render: Bake) -> None:
    for engine in ENGINES:
        for examples in (True, False):
            project = render(database=engine, example_models=examples)
            text = (project.path / "AGENTS.md").read_text(encoding="utf-8")
            assert len(text.splitlines()) <= 70
            named = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
            assert len(named) == 12
            assert [path for path in named if not (project.path / path).exists()] == []
            named = re.findall(r"`((?:migrations|docs|tests)/[\w./]+)`|\]\(([\w.]+)\)", text)
            assert [
                path for pair in named for path in pair if path and not (project.path / path).exists()
            ] == []
            # no folder of the application is left out
            top = {path.name for path in (project.path / project.package).iterdir() if path.is_dir()}
            assert top - {"static", "__pycache__"} == {"models", "templates", "web", "welcome"}
            targets = (project.path / "Makefile").read_text(encoding="utf-8")
            for target in re.findall(r"`make (\w+)", text):
                assert f"\n{target}: " in targets, target


@pytest.mark.slow
def test_the_commands_of_the_agents_page(project: BakedProject) -> None:
    """Each from top to bottom, on a project whose model has just got a column."""
    text = (project.path / "AGENTS.md").read_text(encoding="utf-8")
    (commands,) = [block.text.splitlines() for block in blocks(text) if block.kind == "sh"]
    typed = [line.partition("  #")[0].strip() for line in commands]
    for command in typed:
        if command.startswith("make newmigration"):
            project.add_column()
        if not command.startswith("make run"):  # see below
            project.run("sh", "-c", command)
    assert len(typed) == 10
    assert project.sql("SELECT phone FROM users") == [(None,)]
    assert "checkmigrations" in text and "Pending   nothing" in project.make("status").out


def test_its_rules_hold(project: BakedProject) -> None:
    """Without a terminal a rename is refused with the option to give, and the option is on the page."""
    text = (project.path / "AGENTS.md").read_text(encoding="utf-8")
    project.make("db")
    project.edit(
        project.models / "users.py",
        "    name: Mapped[str] = mapped_column(String(100)",
        "    full_name: Mapped[str] = mapped_column(String(100)",
    )
    project.edit(project.models / "users.py", '"length(name) > 0"', '"length(full_name) > 0"')
    result = project.make("newmigration", "m=names", check=False)
    assert result.returncode and "--rename users.name:full_name" in result.out, result.out
    assert 'args="--rename users.name:full_name"' in text
    project.make("newmigration", "m=names", "args=--rename users.name:full_name")


def test_make_format_leaves_nothing_for_make_lint(project: BakedProject) -> None:
    module = project.path / project.package / "hello.py"
    module.write_text("import sys\nimport os, json\nprint( json.dumps(os.sep) )\nx = {'a' :1}\n")
    assert project.make("lint", check=False).returncode
    out = project.make("format").out
    # What it cannot decide, it shows: print() in the application.
    assert "T201" in out
    assert module.read_text() == 'import json\nimport os\n\nprint(json.dumps(os.sep))\nx = {"a": 1}\n'
    module.write_text(module.read_text().replace("print(", "str("))
    project.make("lint")


def test_make_run_passes_its_arguments_on(project: BakedProject) -> None:
    project.make("db")
    port = free_port()
    process = subprocess.Popen(
        ["make", "run", f"args=--port {port}"],
        cwd=project.path,
        env=clean_environment() | project.env | {"FLASK_DEBUG": "0", "SECRET_KEY": "9f6a1c8e7b"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        for _ in range(300):
            try:
                body = urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10).read()
                break
            except OSError:
                assert process.poll() is None, process.communicate()[0]
                time.sleep(0.1)
        assert b"ok" in body
    finally:
        os.killpg(process.pid, 15)
        process.communicate(timeout=60)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_container_to_develop_in(render: Bake, engine: str) -> None:
    """https://containers.dev/implementors/json_reference/ The image itself was not pulled here."""
    project = render(database=engine)
    folder = project.path / ".devcontainer"
    text = (folder / "devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert (container["postCreateCommand"], container["forwardPorts"]) == ("make db", [5000, 18080])
    if engine == "sqlite":
        assert container["image"] and not (folder / "compose.yaml").exists()
        return
    files = [(folder / name).resolve() for name in container["dockerComposeFile"]]
    assert files == [project.path / "compose.yaml", folder / "compose.yaml"]
    servers, own = (yaml.safe_load(path.read_text())["services"] for path in files)
    workspace = own[container["service"]]
    # With the network of the server, DATABASE_URL's localhost is the server, and the project is mounted.
    assert workspace["network_mode"] == f"service:{container['runServices'][0]}"
    assert workspace["depends_on"].keys() == {"database"} == servers.keys() & {"database"}
    assert workspace["volumes"] == [f".:{container['workspaceFolder']}"]
    assert "healthcheck" in servers["database"]


def test_make_seed_says_what_it_did(anywhere: BakedProject) -> None:
    project = anywhere
    assert "Seeded: Tag +2, User +1." in project.make("db").out
    assert project.make("seed").out == "Seeded: no new rows.\n"
    project.sql("UPDATE users SET email = 'eve@example.com'")
    assert project.make("seed").out == "Seeded: User +1.\n"


def test_seeding_without_example_models(bake: Bake) -> None:
    project = bake(example_models=False)
    project.make("db")
    assert project.make("seed").out == "Seeded: no new rows.\n"
