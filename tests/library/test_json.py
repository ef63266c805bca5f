"""`--json`: the keys that the page documents, nothing else on standard output, exit codes as without it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from histories import DROP_NICK, ENGINES, edit, write_revision

PAGE = Path(__file__).parents[2] / "src" / "flask_safe_migrations" / "help" / "reports.md"
USER = """
def upgrade():
    print("{a revision that prints}")
    op.create_table(
        "user",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("email", sa.String(120), nullable=False),
        sa.UniqueConstraint("email", name="uq_user_email"),
    )


def downgrade():
    op.drop_table("user")
"""


def documented(command: str) -> set[str]:
    """Return the keys that the page lists below a command: `databases[].name`, `checks[].problems[].line`."""
    start = {"status": "`flask db status --json`:", "verify": "`flask db verify --json`, also"}[command]
    table = PAGE.read_text().partition(start)[2]
    rows = re.findall(r"^\| (`[^|]+) \|", table.split("\n\n")[1], re.MULTILINE)
    found = set()
    for row in rows:
        prefix = ""
        for key in re.findall("`([^`]+)`", row):
            prefix = key.rpartition("[].")[0] + "[]" if "[]" in key else prefix
            found.add(prefix + key if key.startswith(".") else key)
    return found


def keys(value: Any, path: str = "") -> set[str]:
    """Return the keys of a document, written in the same way; those of lists that are empty are not known."""
    if isinstance(value, dict):
        return {key for name, each in value.items() for key in keys(each, f"{path}.{name}".lstrip("."))}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return {key for each in value for key in keys(each, f"{path}[]")}
    return {path}


def document(result: Result, code: int = 0) -> dict[str, Any]:
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("engine", ENGINES)
def test_status_and_verify_as_documents(project_on: Any, engine: str) -> None:
    project = project_on(engine)
    write_revision(project, "user", USER)
    found = document(project.run("status", "--json"))
    assert keys(found) == documented("status")
    (database,) = found["databases"]
    assert database["pending"] == [{"revision": "user", "message": "user"}] and database["heads"] == []
    result = project.run("verify", "--json")
    found = document(result)
    assert found["ok"] and found["version"] == 1 and "{a revision that prints}" in result.stderr
    ids = [check["id"] for check in found["checks"]]
    assert all(f"`{each}`" in PAGE.read_text() for each in ids) and len(ids) == len(set(ids)) == 9
    assert keys(found) <= documented("verify") | {"checks[].problems"}


def test_what_fails_has_its_file_and_line_and_the_exit_code(project: Any) -> None:
    nick = '        sa.Column("nick", sa.String(20)),\n        sa.Unique'
    write_revision(project, "user", USER.replace("        sa.Unique", nick))
    path = write_revision(project, "drop", DROP_NICK)
    found = document(project.run("verify", "--json"), code=1)
    assert keys(found) - {"checks[].problems"} == documented("verify") and found["ok"] is False
    (failed,) = [check for check in found["checks"] if check["ok"] is False]
    line = path.read_text().splitlines().index('        batch.drop_column("nick")') + 1
    (problem,) = failed["problems"]
    assert failed["id"] == "warnings"
    assert (problem["file"], problem["line"]) == (f"migrations/versions/{path.name}", line)
    assert failed["details"] == [problem["message"]]
    edit(path, "        batch.drop", "        # safe: unused since v3\n        batch.drop")
    against = document(project.run("verify", "--json", "--against", "user"))
    assert [check["id"] for check in against["checks"]] == ["pending", "compatibility"]
    assert [each["accepted"] for each in against["checks"][1]["problems"]] == [True]
    edit(path, "    with op.batch", "    1 / 0\n    with op.batch")
    found = document(project.run("verify", "--json"), code=1)
    trips = {check["id"]: check for check in found["checks"]}
    assert trips["round_trips"]["problems"][0]["line"] == path.read_text().splitlines().index("    1 / 0") + 1
    assert trips["manifest"]["problems"][0]["file"].endswith(path.name)


def test_an_error_is_a_document_as_well(project: Any) -> None:
    write_revision(project, "user", USER)
    project.flask("upgrade")
    project.sql("UPDATE alembic_version SET version_num = 'gone'")
    found = document(project.run("status", "--json"), code=1)
    assert found["ok"] is False and "no revision file has" in found["databases"][0]["problem"]
    result = project.run("verify", "--json", "--against", "nowhere")
    found = document(result, code=1)
    assert found["ok"] is False and found["error"].startswith("--against nowhere: ")
    assert found["error"] in result.stderr
    project.config["MIGRATION_LOCK_TIMEOUT"] = -1
    result = project.run("status", "--json")
    found = document(result, code=1)
    assert found["ok"] is False and "MIGRATION_LOCK_TIMEOUT" in found["error"]
    assert found["error"] in result.stderr
    del project.config["MIGRATION_LOCK_TIMEOUT"]
    result = project.run("verify", "--json", "--nosuch")
    assert result.exit_code == 2 and result.stdout == ""


def test_commands_of_the_project_do_not_break_the_document(project: Any) -> None:
    project.config["MIGRATION_COMMANDS"] = "make"
    write_revision(project, "user", USER)
    path = write_revision(project, "other", USER.replace('"user"', '"other"').replace("uq_user", "uq_other"))
    edit(path, "down_revision = 'user'", "down_revision = None")
    found = document(project.run("status", "--json"))
    assert len(found["databases"][0]["newest"]) == 2
    found = document(project.run("verify", "--json"), code=1)
    assert "`make rebase`" in found["checks"][1]["details"][0]


@pytest.mark.parametrize("engine", ENGINES)
def test_models_that_differ_are_described_in_words(project_on: Any, engine: str) -> None:
    """In a fixed order: Alembic finds the removed tables in any."""
    project = project_on(engine)
    tables = ("one", "two", "three", "four", "five")
    created = "\n".join(f'    op.create_table("{name}", sa.Column("id", sa.Integer))' for name in tables)
    dropped = "\n".join(f'    op.drop_table("{name}")' for name in reversed(tables))
    write_revision(project, "many", f"def upgrade():\n{created}\ndef downgrade():\n{dropped}\n")
    found = document(project.run("verify", "--json"), code=1)
    (models,) = (check for check in found["checks"] if check["id"] == "models")
    names = ["five", "four", "one", "three", "two"]
    assert [each for each in models["details"] if "drops" in each] == [
        f"drops table {name}" for name in names
    ]
    assert models["notes"] == ['`flask db new -m "…"` writes the revision that does this']
