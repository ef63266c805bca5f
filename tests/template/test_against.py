"""P10: `flask db verify --against` says what would break the code that still runs, and only that."""

import json
from pathlib import Path

import pytest
from project import Bake, BakedProject

BASELINE = "3f1d9a62c0b7"
REQUIRED = """
def required(length):
    return {"existing_type": sa.String(length), "existing_nullable": False}
"""
DOWN = REQUIRED + "\n\ndef downgrade():\n    raise NotImplementedError('not needed')\n"
HARMLESS = """
def upgrade():
    text = sa.Column("text", sa.String(10), nullable=False)
    op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), text)
    op.create_index("ix_notes_text", "notes", ["text"], unique=True)
    op.drop_table("notes")
    op.add_column("users", sa.Column("phone", sa.String(30)))
    op.add_column("users", sa.Column("late", sa.String(30)))
    op.add_column("users", sa.Column("rank", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("ix_users_phone", "users", ["phone"], unique=True)
    with op.batch_alter_table("users") as batch:
        batch.alter_column("name", type_=sa.String(200), **required(100))
        batch.create_check_constraint("ck_users_rank", "rank > 0")
        batch.drop_constraint(batch.f("ck_users_name_not_empty"), type_="check")
"""
NEXT = """
def upgrade():
    with op.batch_alter_table("users") as batch:
        batch.drop_index("ix_users_phone")
        batch.drop_column("phone")
        batch.alter_column("late", existing_type=sa.String(30), nullable=False)
"""
BREAKING = """
def upgrade():
    op.add_column("tags", sa.Column("note", sa.String(20)))
    with op.batch_alter_table("tags") as batch:
        batch.alter_column("name", new_column_name="label", **required(50))
    op.execute("UPDATE users SET name = 'x' WHERE id = -1")
    with op.batch_alter_table("users") as batch:
        batch.add_column(sa.Column("must", sa.Integer(), nullable=False))
        batch.alter_column("email", type_=sa.String(50), **required(254))
        batch.create_check_constraint("ck_users_email", "length(email) > 3")
        batch.create_unique_constraint("uq_users_name", ["name"])
        batch.drop_column("created_at")
    op.drop_table("user_tags")
    op.rename_table("tags", "labels")
"""
BROKEN = [
    "renames column tags.name to label",
    "adds the required column users.must without a default",
    "changes the type of users.email from VARCHAR(254) to VARCHAR(50)",
    "adds ck_users_email on users",
    "adds uq_users_name on users",
    "drops column users.created_at",
    "drops table user_tags",
    "renames table tags to labels",
]


def against(project: BakedProject, name: str) -> tuple[int, list[str]]:
    """Return the exit code, and what it finds, in the order of the file, without its explanation."""
    result = project.flask("db", "verify", "--json", "--against", name, check=False)
    assert "Traceback" not in result.out
    pending, check = json.loads(result.out[result.out.index("{\n") :])["checks"]
    assert pending["name"].startswith("pending: ") and check["ok"] is (result.returncode == 0)
    return result.returncode, [line.splitlines()[0].split(": ", 1)[1] for line in check["details"]]


def test_P10_what_breaks_the_code_that_still_runs(anywhere: BakedProject) -> None:
    project = anywhere
    project.write_revision("harmless", HARMLESS + DOWN)
    assert against(project, BASELINE) == (0, [])
    project.write_revision("next", NEXT + DOWN)  # of code at the baseline, and of code at the revision before
    assert against(project, BASELINE) == (1, ["makes users.late required"])
    assert against(project, "harmless") == (1, ["drops column users.phone", "makes users.late required"])
    project.write_revision("breaking", BREAKING + DOWN)
    code, found = against(project, "next")
    assert code == 1
    missing = [words for words in BROKEN if not any(words in line for line in found)]
    assert not missing and len(found) == len(BROKEN), found
    assert against(project, "head") == (0, []) and against(project, "base") == (0, [])


def test_P10_against_a_tag_of_git_and_accepted_with_a_reason(on: Bake) -> None:
    project = on("sqlite")
    for command in ("init --quiet", "add --all", "commit --quiet -m one", "tag v1"):
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
        project.run("git", *identity, *command.split())
    project.edit(
        project.models / "users.py",
        "    created_at: Mapped[datetime] = mapped_column(server_default=func.now())\n",
        "",
    )
    path = project.revise("drop it")
    for name in ("v1", "HEAD", "HEAD~0", BASELINE, BASELINE[:6]):
        assert against(project, name) == (1, ["drops column users.created_at"])
    out = project.flask("db", "verify", "--against", "v1", check=False).out
    assert f"✗ nothing breaks code that runs at {BASELINE} (baseline)\n    {path.name}, line " in out
    assert "Take users.created_at out of the models and deploy that first." in out
    project.edit(
        path,
        "        batch_op.drop_column",
        "        # safe: unused since v0.9\n        batch_op.drop_column",
    )
    code, found = against(project, "v1")
    assert code == 0 and found == ["drops column users.created_at (accepted: unused since v0.9)"]
    assert not list((project.path / "instance").glob("*.db"))  # no database but throwaway ones


@pytest.mark.parametrize("name", ["nosuch", "-x", "--output=x"])
def test_a_name_that_nobody_knows(project: BakedProject, name: str) -> None:
    result = project.flask("db", "verify", f"--against={name}", check=False)
    assert result.returncode == 1 and "neither a revision" in result.out and "Traceback" not in result.out
    assert not (project.path / "x").exists()


def test_several_databases(project: BakedProject, tmp_path: Path) -> None:
    """The same operations on another one are reported for that one."""
    project.env["SQLALCHEMY_BINDS"] = json.dumps({"log": f"sqlite:///{tmp_path}/log.db"})
    made = 'op.create_table("lines", sa.Column("id", sa.Integer, primary_key=True))'
    for name, line in (("made", made), ("gone", 'op.drop_table("lines")')):
        project.write_revision(name, f"def upgrade():\n    pass\n\n\ndef upgrade_log():\n    {line}\n{DOWN}")
    assert against(project, BASELINE) == (0, [])
    assert against(project, "made") == (1, ["20991231_0002_gone.py, line 14: drops table lines"])
