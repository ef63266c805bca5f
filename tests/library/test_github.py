"""`flask db verify --format github`: annotations at the line, and a summary of what is new."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from histories import DROP_NICK, ENGINES, edit, write_revision

from flask_safe_migrations.cli.github import format_command

START = """
def upgrade():
    op.create_table(
        "user",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(120), nullable=False),
        sa.Column("nick", sa.String(20)),
        sa.UniqueConstraint("email", name="uq_user_email"),
    )


def downgrade():
    op.drop_table("user")
"""
PHONE = """
def upgrade():
    op.add_column("user", sa.Column("a_b|c", sa.String(30)))
    op.execute("UPDATE \\"user\\" SET nick = '50% `x` </details>' WHERE id = 1")


def downgrade():
    with op.batch_alter_table("user") as batch:
        batch.drop_column("a_b|c")
"""


@pytest.fixture(autouse=True)
def no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "CI_")) or name == "CI":
            monkeypatch.delenv(name)


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def commit(project: Any) -> None:
    git(project.path, "add", "--all", "migrations")
    git(project.path, "commit", "--quiet", "--message", "more")


@pytest.fixture
def under_git(project_on: Any) -> Any:
    def under_git(engine: str) -> Any:
        project = project_on(engine)
        git(project.path, "init", "--quiet")
        write_revision(project, "start", START)
        commit(project)
        return project

    return under_git


def test_a_command_is_escaped_as_the_runner_reads_it() -> None:
    """https://github.com/actions/toolkit/blob/main/packages/core/__tests__/command.test.ts"""
    assert format_command("error", "100%\r\na:b,c") == "::error::100%25%0D%0Aa:b,c"
    given = format_command("notice", "m", file="a,b:c%.py", line="3", title="x\ny")
    assert given == "::notice file=a%2Cb%3Ac%25.py,line=3,title=x%0Ay::m"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_new_on_a_branch(under_git: Any, engine: str, tmp_path: Path, monkeypatch: Any) -> None:
    project = under_git(engine)
    git(project.path, "checkout", "--quiet", "-b", "branch")
    quote = "`" if engine == "mariadb" else '\\"'
    write_revision(project, "phone", PHONE.replace('\\"', quote))
    path = write_revision(project, "drop", DROP_NICK)
    commit(project)
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.path.parent))
    result = project.run("verify", "--format", "github")
    assert result.exit_code == 1
    line = path.read_text().splitlines().index('        batch.drop_column("nick")') + 1
    errors = re.findall("^::error (.*)$", result.stdout, re.MULTILINE)
    (danger,) = [error for error in errors if f"{path.name},line={line}," in error]
    place = (
        f"file={project.path.name}/migrations/versions/{path.name},line={line},title=Migrations%3A no warning"
    )
    assert danger.startswith(place) and "drops column user.nick%0A" in danger
    assert "✗ no warning without a" in result.stdout  # people read the log as well
    text = summary.read_text()
    assert text.startswith("before\n## ✗ Migrations: 2 new revisions, ")
    assert re.findall("^### `(\\w+)`", text, re.MULTILINE) == ["phone", "drop"]
    assert r"- adds column user.a\_b\|c (VARCHAR(30), nullable)" in text
    assert "- drops column user.nick\n" in text
    assert (
        f"**⚠ Warning, line {line}:** drops column user.nick. " in text
        and "```text\nTake user.nick out of" in text
    )
    title = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "mariadb": "MariaDB"}[engine]
    blocks = re.findall(
        rf"statements? on {title}</summary>\n\n(`+)sql\n(.*?)\n\1\n\n</details>", text, re.DOTALL
    )
    assert len(blocks) == 2 and "ADD COLUMN" in blocks[0][1] and "'50% `x` </details>'" in blocks[0][1]
    assert text.count("<summary>Tables, before and after</summary>\n\n```mermaid\nerDiagram\n") == 2
    rows = re.findall(r"^\| (.) \| (.*?) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) == 9 and any(row[0] == "✗" and "drops column" in row[2] for row in rows)
    # An accepted danger is none.
    edit(path, "        batch.drop", "        # safe: unused since v3\n        batch.drop")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    project.models = project.models.replace("email = ", "a = db.Column('a_b|c', db.String(30))\n    email = ")
    result = project.run("verify", "--format", "github", "--summary", "other.md")
    text = (project.path / "other.md").read_text()
    assert "::error file" not in result.stdout or "HEAD" in result.stdout
    assert f"**Accepted, line {line + 1}:** drops column user.nick: unused since v3\n" in text


def test_what_it_is_compared_with(under_git: Any, monkeypatch: Any) -> None:
    project = under_git("sqlite")

    def new(*options: str, **env: str) -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            (project.path / "s.md").unlink(missing_ok=True)
            project.run("verify", "--summary", "s.md", *options)
        return re.findall("^### `(\\w+)`", (project.path / "s.md").read_text(), re.MULTILINE)

    git(project.path, "checkout", "--quiet", "-b", "branch")
    write_revision(project, "phone", PHONE)
    commit(project)
    assert new() == ["phone"]  # the main branch
    write_revision(project, "drop", DROP_NICK)
    commit(project)
    assert new() == ["phone", "drop"]
    assert new(CI="true") == ["drop"]  # the first parent of what a workflow has checked out
    assert new("--since", "main") == ["phone", "drop"]
    git(project.path, "update-ref", "refs/remotes/origin/target", "HEAD~1")
    assert new(CI="true", GITHUB_BASE_REF="target") == ["drop"]
    assert new(CI="true", CI_MERGE_REQUEST_DIFF_BASE_SHA=git(project.path, "rev-parse", "main").strip()) == [
        "phone",
        "drop",
    ]
    git(project.path, "checkout", "--quiet", "-B", "main")
    assert new() == [] and "No revision is new since `main`" in (project.path / "s.md").read_text()
    assert "--since nowhere: there is no such commit" in project.fails(
        "verify", "--summary", "s.md", "--since", "nowhere", code=2
    )
    assert "nosuch/s.md cannot be written" in project.fails("verify", "--summary", "nosuch/s.md")
    (project.path / ".git").rename(project.path / "git")
    assert new() == [] and "is not known" in (project.path / "s.md").read_text()


def test_a_revision_that_fails_and_files_that_do_not_fit(under_git: Any) -> None:
    project = under_git("sqlite")
    path = write_revision(project, "phone", PHONE)
    write_revision(project, "drop", DROP_NICK)
    edit(path, "    op.execute", "    1 / 0\n    op.execute")
    result = project.run("verify", "--format", "github", "--summary", "s.md")
    text = (project.path / "s.md").read_text()
    assert text.count("**✗ It failed.** Revision") == 2 and "- adds column user.a" in text
    line = path.read_text().splitlines().index("    1 / 0") + 1
    assert f"file=migrations/versions/{path.name},line={line}," in result.stdout
    edit(path, "down_revision = 'start'", "down_revision = 'gone'")
    result = project.run("verify", "--format", "github", "--summary", "t.md")
    assert f"file=migrations/versions/{path.name},line=1," in result.stdout
    assert "is not known" in (project.path / "t.md").read_text()
    project.config["SQLALCHEMY_DATABASE_URI"] = "postgresql+psycopg://nobody@127.0.0.1:1/x"
    edit(path, "down_revision = 'gone'", "down_revision = 'start'")
    result = project.run("verify", "--format", "github")
    assert result.exit_code == 1 and re.search("^::error title=Migrations::.*127.0.0.1", result.stdout, re.M)
