"""What a project runs before others get its changes. The hosts themselves are not here: their files are
linted, and every command in them runs, against a real server of the kind that the file asks for.
"""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml
from project import ENGINES, Bake, BakedProject
from test_update import commit, git

FILES = [".github/workflows/ci.yml", "docs/gitlab-ci.yml"]


def tool(project: BakedProject, *command: str, check: bool = True) -> Any:
    """A program that is installed on demand."""
    name = re.match(r"[\w-]+", command[0])[0]
    uv = project.python.with_name("uv")
    uv = uv if uv.exists() else shutil.which("uv")
    return project.run(uv, "tool", "run", "--from", command[0], name, *command[1:], check=check)


def job(project: BakedProject, file: str) -> tuple[dict[str, Any], list[str]]:
    """Return the only job, and the lines that it gives to a shell."""
    loaded = yaml.safe_load((project.path / file).read_text(encoding="utf-8"))
    if file.startswith("docs"):
        return loaded["check"], loaded["check"]["script"]
    check = loaded["jobs"]["check"]
    return check, [step["run"] for step in check["steps"] if "run" in step]


@pytest.mark.parametrize("database", ENGINES)
def test_linters_of_the_hosts_accept_the_files(bake: Bake, database: str) -> None:
    project = bake(database=database, package_name="été")
    schemas = {
        ".github/workflows/ci.yml": "vendor.github-workflows",
        "docs/gitlab-ci.yml": "vendor.gitlab-ci",
    }
    schemas[".github/dependabot.yml"] = "vendor.dependabot"
    for file, schema in schemas.items():
        tool(project, "check-jsonschema>=0.39,<1", "--builtin-schema", schema, file)
    out = tool(project, "zizmor>=1.32,<2", "--offline", "--no-progress", ".").out
    assert "No findings to report" in out, out
    tool(project, "pre-commit>=4,<5", "validate-config", ".pre-commit-config.yaml")


@pytest.mark.parametrize("database", ENGINES)
def test_the_job_may_read_and_its_actions_are_pinned(render: Bake, database: str) -> None:
    project = render(database=database)
    text = (project.path / FILES[0]).read_text()
    check, _ = job(project, FILES[0])
    assert yaml.safe_load(text)["permissions"] == {} and check["permissions"] == {"contents": "read"}
    uses = re.findall("uses: (.+)", text)
    assert len(uses) == 2
    assert [
        line for line in uses if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    ] == []
    servers = {file: "services" in job(project, file)[0] for file in FILES}
    assert servers == dict.fromkeys(FILES, database != "sqlite")


def test_both_hosts_run_the_same_commands_and_the_page_explains_each(render: Bake) -> None:
    project = render()
    # Each host gets the summary of the migrations in its way.
    commands, others = (
        [command.partition(" args=")[0] for command in job(project, file)[1]] for file in FILES
    )
    assert commands == others
    assert all(command.startswith("make ") for command in commands)
    page = (project.path / "docs" / "ci.md").read_text()
    assert re.findall(r"^\| `(make \w+)` \|", page, re.MULTILINE) == commands


@pytest.mark.parametrize("database", ENGINES)
def test_every_command_runs_on_a_fresh_checkout(
    request: pytest.FixtureRequest, bake: Bake, advisories: str, database: str
) -> None:
    """With a database that does not exist yet, on the server that both files ask for."""
    project = bake(database=database)
    checks, lines = zip(*(job(project, file) for file in FILES), strict=True)
    if database != "sqlite":
        for check, host in zip(checks, ("127.0.0.1", "database"), strict=True):
            url = (check.get("env") or check["variables"])["DATABASE_URL"]
            assert re.fullmatch(rf"{database}://\w+:\w+@{re.escape(host)}/my_app_dev", url)
        project.env["DATABASE_URL"] = request.getfixturevalue(database).url("my_app_dev")
    for command in lines[0]:
        # Who knows of vulnerabilities cannot be asked here, which is an error: see below.
        service = f' args="--vulnerability-service=osv --osv-url={advisories}"'
        project.run("sh", "-c", command + (service if command == "make audit" else ""))


class Advisories(BaseHTTPRequestHandler):
    """Knows one vulnerability, of a version of humanize."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = asked["package"]["name"] == "humanize"
        affected = {"package": {"name": "humanize", "ecosystem": "PyPI"}, "versions": [asked["version"]]}
        answer = {"vulns": [{"id": "OSV-1", "affected": [affected]}]} if known else {}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def advisories() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Advisories) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def test_audit_names_a_vulnerable_version_and_fails_without_an_answer(bake: Bake, advisories: str) -> None:
    project = bake()
    service = f"args=--vulnerability-service=osv --osv-url={advisories}"
    ready = project.path / ".venv" / "ready"
    assert "No known vulnerabilities found" in project.make("audit", service).out
    project.edit("pyproject.toml", '    "flask>=3.1,<4",', '    "flask>=3.1,<4",\n    "humanize>=4,<5",')
    # Or the environment, which is everybody's, would be fitted to this project.
    ready.touch()
    result = project.make("audit", service, check=False)
    assert result.returncode and "humanize" in result.out and "OSV-1" in result.out
    ready.touch()  # after uv.lock, which `uv export` has written
    nobody = "args=--vulnerability-service=osv --osv-url=http://127.0.0.1:9/v1/query"
    assert project.make("audit", nobody, check=False).returncode


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One home for pre-commit: it installs the scanner once."""
    return {"PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit"))}


@pytest.mark.parametrize("database", ENGINES)
def test_hooks_find_nothing_in_a_fresh_project(bake: Bake, hooks: dict[str, str], database: str) -> None:
    project = bake(database=database)
    project.env |= hooks
    git(project.path, "init", "--quiet")
    git(project.path, "add", "--all")
    some = [] if database == "sqlite" else ["secrets"]  # the others are those of CI
    out = tool(project, "pre-commit>=4,<5", "run", "--all-files", *some).out
    passed = re.findall(r"^(\w+)\.+Passed$", out, re.MULTILINE)
    assert passed == (some or ["style", "migrations", "secrets"]), out


def test_hooks_stop_a_commit(bake: Bake, hooks: dict[str, str]) -> None:
    """A secret, an unused import, a model without its revision; and what is none of their business passes."""
    project = bake()
    project.env |= hooks | {"PATH": f"{project.python.parent}:/usr/bin:/bin"}
    git(project.path, "init", "--quiet")
    (project.path / ".git" / "info" / "exclude").write_text(".venv\n")
    commit(project.path, "first")
    project.add_column()
    (project.path / project.package / "keys.py").write_text(
        '"""Keys."""\n\nimport os\n\nKEY = "AKIAIOSFODNN7EXAMPLA"\nURL = "postgresql://shop:s3cr3t@db/x"\n'
    )
    git(project.path, "add", "--all")
    out = tool(project, "pre-commit>=4,<5", "run", check=False).out
    assert re.findall(r"^(\w+)\.+(\w+)$", out, re.MULTILINE) == [
        ("style", "Failed"),
        ("migrations", "Failed"),
        ("secrets", "Failed"),
    ]
    assert "F401" in out and "phone" in out and "AWS Access Key" in out and "keys.py:6" in out

    git(project.path, "reset", "--quiet", "--hard")
    Path(project.path / "README.md").write_text("# Shop\n")
    git(project.path, "add", "--all")
    out = tool(project, "pre-commit>=4,<5", "run").out
    assert out.count("Skipped") == 2 and out.count("Passed") == 1
