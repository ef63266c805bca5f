"""`make checkmigrations`: what is wrong with the revisions is found, what is in order is remembered."""

import json
import time

import pytest
from project import Bake, BakedProject, rewrite

CHECKS = {
    "files": "the revision files are consistent",
    "heads": "there is one head",
    "listed": "migrations/HEAD matches the revision files",
    "proved": "every revision runs up, down and up again, with rows",
    "safe": "no warning without a `# safe:` reason",
    "models": "the models match the revisions",
    "named": "every constraint has a name",
    "rendered": "`make sql` can print every revision",
    "registered": "every model is imported",
}
# If there is such a database.
APPLIED = "a database at the newest revision has its schema"
ADD = """
def upgrade():
    op.add_column("tags", sa.Column("note", sa.String(20)))


def downgrade():
    with op.batch_alter_table("tags") as batch:
        batch.drop_column("note")
"""


def verify(project: BakedProject, **failing: str) -> dict[str, dict]:
    """Run it; the checks named in `failing` fail and say so, all others pass or have not been looked at."""
    project.list_revisions()
    result = project.flask("db", "verify", "--json", check=False)
    assert "Traceback" not in result.out
    output = json.loads(result.out[result.out.index("{\n") :])  # after the progress
    found = [check for check in output["checks"] if check["name"] != APPLIED]
    checks = dict(zip(CHECKS, found, strict=True))
    assert [check["name"] for check in found] == list(CHECKS.values())
    failed = {kind for kind, check in checks.items() if check["ok"] is False}
    assert failed == set(failing), output
    assert result.returncode == (1 if failing else 0) and output["ok"] is not bool(failing)
    for kind, words in failing.items():
        assert words in "\n".join(checks[kind]["details"]), checks[kind]
    return checks


def with_note(project: BakedProject) -> None:
    """The model that goes with ADD."""
    project.edit(
        project.models / "users.py",
        "    name: Mapped[str] = mapped_column(String(50), unique=True)",
        "    name: Mapped[str] = mapped_column(String(50), unique=True)\n"
        "    note: Mapped[str | None] = mapped_column(String(20))",
    )


def test_a_new_project_is_in_order_and_what_was_proved_is_not_run_again(anywhere: BakedProject) -> None:
    project = anywhere
    verify(project)
    remembered = project.path / "instance" / "verified.json"
    digests = json.loads(remembered.read_text())
    verify(project)
    assert json.loads(remembered.read_text()) == digests
    project.add_column()
    verify(project, models="phone")
    project.revise("phone")
    verify(project)
    assert digests.items() < json.loads(remembered.read_text()).items()


def test_make_checkmigrations_prints_a_table(project: BakedProject) -> None:
    out = project.make("checkmigrations").out
    assert out.splitlines() == [f"✓ {name}" for name in CHECKS.values()]
    assert "checkmigrations" in project.make("help").out
    project.write_revision("note", ADD)
    result = project.make("checkmigrations", check=False)
    assert result.returncode != 0 and "✗ the models match the revisions\n    " in result.out
    assert "note" in result.out and "Traceback" not in result.out


def test_the_developers_database_plays_no_part(project: BakedProject) -> None:
    verify(project)
    assert not (project.path / "instance" / "my_app.db").exists()


def test_a_broken_downgrade(anywhere: BakedProject) -> None:
    project = anywhere
    with_note(project)
    path = project.write_revision("note", ADD.replace('drop_column("note")', 'drop_column("noet")'))
    checks = verify(project, proved="In the downgrade")
    assert checks["models"]["ok"] is None
    project.edit(path, 'drop_column("noet")', 'drop_column("note")')
    verify(project)


def test_a_downgrade_that_leaves_something_behind(anywhere: BakedProject) -> None:
    project = anywhere
    with_note(project)
    remains = 'op.create_table("remains", sa.Column("id", sa.Integer, primary_key=True))'
    project.write_revision("note", ADD.replace("def upgrade():\n", f"def upgrade():\n    {remains}\n"))
    verify(project, proved="table remains is left over")


def test_a_downgrade_that_does_nothing_needs_a_reason(project: BakedProject) -> None:
    with_note(project)
    upgrade = ADD.partition("\n\n\n")[0]
    path = project.write_revision("note", f"{upgrade}\n\n\ndef downgrade():\n    pass\n")
    checks = verify(
        project, proved="the downgrade does not restore the schema", safe="downgrade() does nothing"
    )
    assert "raise NotImplementedError" in "".join(checks["safe"]["details"])
    project.edit(path, "    pass\n", '    raise NotImplementedError("notes are gone for good")\n')
    verify(project)


def test_two_newest_revisions(project: BakedProject) -> None:
    for name in ("one", "two"):
        body = "def upgrade():\n    pass\n\n\ndef downgrade():\n    pass\n"
        project.write_revision(name, body, down="3f1d9a62c0b7")
    checks = verify(project, heads="one.py and ")
    assert checks["proved"]["ok"] is None
    project.flask("db", "merge", "heads", "-m", "both")
    verify(project)


def test_H56_the_same_id_twice_is_refused_everywhere(project: BakedProject) -> None:
    project.make("db")
    path = project.write_revision("note", ADD)
    rewrite(path.with_name("copy.py"), path.read_text())
    verify(project, files="copy.py have the same id note")
    for command in ("upgrade", "new", "sql", "rebuild"):
        arguments = ["-m", "more"] if command == "new" else []
        assert (
            "the same id note" in project.flask("db", command, *arguments, check=False).out.splitlines()[-1]
        )
    assert project.revision == "3f1d9a62c0b7"


def test_a_revision_without_a_downgrade(project: BakedProject) -> None:
    project.write_revision("forward", "def upgrade():\n    pass\n")
    verify(project, proved="forward.py has no downgrade(): write one.")


def test_a_parent_without_a_file(project: BakedProject) -> None:
    project.write_revision("note", ADD, down="gone")
    verify(project, files="note.py comes after gone, which no file in versions/ has")


@pytest.mark.parametrize(
    "definition",
    [
        "CREATE TABLE loose (id INTEGER PRIMARY KEY, n INTEGER CHECK (n > 0))",
        "CREATE TABLE loose (id INTEGER PRIMARY KEY, n INTEGER, FOREIGN KEY (n) REFERENCES tags (id))",
        "CREATE TABLE loose (id INTEGER PRIMARY KEY, n INTEGER, UNIQUE (n))",
    ],
)
def test_H06_an_unnamed_constraint(anywhere: BakedProject, definition: str) -> None:
    if "mariadb" in anywhere.url and "FOREIGN" not in definition:
        pytest.skip("MariaDB names it after the column, and keeps a column's CHECK without a name")
    project = anywhere
    rewrite(
        project.models / "loose.py",
        "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom ..database import db\n\n\n"
        'class Loose(db.Model):\n    __tablename__ = "loose"\n\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n    n: Mapped[int | None]\n",
    )
    body = f'def upgrade():\n    # safe: a new table\n    op.execute("{definition}")\n\n\n'
    project.write_revision("loose", body + 'def downgrade():\n    op.drop_table("loose")\n')
    result = project.flask("db", "verify", check=False)
    assert result.returncode == 1
    kind = (
        "check"
        if "CHECK" in definition
        else "foreign key"
        if "FOREIGN" in definition
        else "unique constraint"
    )
    assert f"the {kind} of loose (" in result.out and "has no name" in result.out


def test_a_model_outside_of_models(project: BakedProject) -> None:
    rewrite(
        project.path / project.package / "billing.py",
        "from sqlalchemy.orm import Mapped, mapped_column\n\nfrom .database import db\n\n\n"
        'class Invoice(db.Model):\n    __tablename__ = "invoices"\n\n'
        "    id: Mapped[int] = mapped_column(primary_key=True)\n",
    )
    verify(project, registered="the model of table invoices is outside of models/")


def test_sql_that_cannot_be_printed(project: BakedProject) -> None:
    """There is no connection with --sql."""
    with_note(project)
    body = ADD.replace(
        "def upgrade():\n", 'def upgrade():\n    op.get_bind().exec_driver_sql("SELECT 1").scalar()\n'
    )
    project.write_revision("note", body)
    verify(project, rendered="note.py, line 11: AttributeError")


NICK = """
def upgrade():
    op.add_column("users", sa.Column("nick", sa.String(20)))


def downgrade():
    with op.batch_alter_table("users") as batch:
        batch.drop_column("nick")
"""
DROP = """
def upgrade():
    with op.batch_alter_table("users") as batch:
        batch.drop_column("nick")


def downgrade():
    op.add_column("users", sa.Column("nick", sa.String(20)))
"""


def test_a_warning_stops_it_until_the_file_says_why_it_is_safe(anywhere: BakedProject) -> None:
    project = anywhere
    project.write_revision("nick", NICK)
    path = project.write_revision("no_nick", DROP)
    checks = verify(project, safe="drops column users.nick")
    assert "Take users.nick out of the models" in checks["safe"]["details"][0]
    assert checks["proved"]["ok"] and checks["models"]["ok"]
    line = '        batch.drop_column("nick")\n'
    project.edit(path, line, f"        # safe:\n{line}")
    verify(project, safe="drops column users.nick")
    project.edit(path, "# safe:\n", "# safe: drops users.nick, unused since 2026-10\n")
    verify(project)


def test_with_nothing_new_it_takes_no_longer_than_twice_a_check(bake: Bake) -> None:
    """Measured several times, the quickest counts: the machine has other things to do."""
    project = bake()
    project.make("migrate")
    project.flask("db", "verify")

    def quickest(verb: str) -> float:
        taken = []
        for _ in range(4):
            began = time.perf_counter()
            project.flask("db", verb)
            taken.append(time.perf_counter() - began)
        return min(taken)

    assert quickest("verify") <= 2 * quickest("check")
