"""Nothing dangerous in what is generated, no password where others read it, no table without a revision."""

import ast
import json
import os
import re
import shutil

import pytest
from project import ENGINES, TEMPLATE, Bake, BakedProject
from servers import HARD_PASSWORD, HARD_PASSWORD_IN_URL, Server
from test_containers import tool

NOTE = {"B404"}  # "subprocess is imported": each call is judged by itself


@pytest.mark.parametrize("engine", ENGINES)
def test_bandit_finds_nothing_that_is_not_accepted_on_its_line(render: Bake, engine: str) -> None:
    """Accepted as ruff has it, whose rules S are those of bandit under the same numbers."""
    project = render(database=engine)
    shutil.copytree(TEMPLATE / "src", project.path / "library")
    out = project.run(tool("bandit"), "-q", "-r", ".", "-x", "./tests", "-f", "json", check=False).out
    report = json.loads(out[out.index("{") :])
    assert not report["errors"] and report["metrics"]["_totals"]["loc"] > 5_000
    found = []
    for issue in report["results"]:
        lines = (project.path / issue["filename"]).read_text().splitlines()
        marked = [lines[number - 1] for number in issue["line_range"]]
        code = f"S{issue['test_id'][1:]}"
        if issue["test_id"] not in NOTE and not any(
            re.search(rf"noqa:.*\b{code}\b", line) for line in marked
        ):
            found.append(f"{issue['filename']}:{issue['line_number']}: {issue['issue_text']}")
    assert found == []


def test_P11_only_revisions_make_tables(render: Bake) -> None:
    """Nothing calls create_all(), not even the project's tests: the migrations make their database."""
    project = render()
    shutil.copytree(TEMPLATE / "src", project.path / "library")
    paths = list(project.path.rglob("*.py"))
    calls = {
        f"{path.relative_to(project.path)}:{node.lineno}"
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
        and (node.attr if isinstance(node, ast.Attribute) else node.id) == "create_all"
    }
    assert calls == set() and len(paths) > 100


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_the_password_is_in_no_process_list(
    project: BakedProject, engine: str, request: pytest.FixtureRequest
) -> None:
    """The dump programs are started by scripts that write down what a process list would show."""
    server: Server = request.getfixturevalue(engine)
    programs = project.path / "programs"
    programs.mkdir()
    for name in ("pg_dump", "pg_restore", "psql", "mariadb-dump", "mariadb", "mysqldump", "mysql"):
        if real := shutil.which(name):
            (programs / name).write_text(f'#!/bin/sh\necho "$0 $*" >> {programs}/seen\nexec {real} "$@"\n')
            (programs / name).chmod(0o755)
    project.env["DATABASE_URL"] = server.url("listed_dev", f"hard:{HARD_PASSWORD_IN_URL}")
    project.make("db")
    path = f"{programs}:{os.environ['PATH']}"
    report = project.make("backup", PATH=path).out + project.make("restore", "args=--yes", PATH=path).out
    seen = (programs / "seen").read_text()
    assert "dump" in seen and "listed_dev" in seen
    for text in (report, seen):
        assert HARD_PASSWORD not in text and HARD_PASSWORD_IN_URL not in text
    assert project.sql("SELECT name FROM users") == [("Ada",)]
