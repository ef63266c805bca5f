"""A broken revision file, or a broken seed: file, line and reason in one sentence, whatever the command."""

import re

import flask_migrate
import pytest
from hand_written import model, with_table, write_revision

from flask_safe_migrations import MigrationError

BODY = """def upgrade():
    op.create_table("more", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("more")
"""
# Those that read the revisions. Each of them is to report the file, and to change nothing.
COMMANDS = (
    ("upgrade",),
    ("status",),
    ("sql",),
    ("verify",),
    ("new", "-m", "x"),
    ("new", "--prove"),
    ("rebuild",),
    ("squash", "--yes"),
    ("downgrade", "--yes"),
    ("adopt",),
    ("rebase",),
    ("history",),
    ("heads",),
    ("current",),
)


def without_line(text, name):
    return re.sub(rf"^{name}.*\n", "", text, flags=re.MULTILINE)


def with_line(text, name, value):
    return re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.MULTILINE)


# The broken text, and what the sentence has to contain besides the name of the file.
BROKEN = {
    "syntax error": (lambda text: text.replace("def upgrade():", "def upgrade(:"), "line 10"),
    "conflict": (lambda text: f"<<<<<<< HEAD\n{text}", "line 1"),
    "no down_revision": (lambda text: without_line(text, "down_revision"), "down_revision"),
    "down_revision without a value": (lambda text: with_line(text, "down_revision", ""), "line 7"),
    "down_revision is empty": (lambda text: with_line(text, "down_revision", '""'), "down_revision"),
    "down_revision is itself": (lambda text: with_line(text, "down_revision", '"broken"'), "down_revision"),
    "unknown name": (lambda text: f"{text}\nBATCH = undefined\n", "undefined"),
    "unknown module": (lambda text: f"import not_there\n{text}", "not_there"),
    "not UTF-8": (lambda text: text.encode().replace(b'"""broken', b'"""broken \xff'), "UTF-8"),
    "reserved id": (lambda text: with_line(text, "revision", '"base"'), "base"),
}


@pytest.fixture
def broken(project):
    """`broken(change)` gives the project with a pending revision in which something is changed."""
    with_table(project, "nick = db.Column(db.String(20))")

    def broken(change):
        path = write_revision(project, "broken", BODY)
        text = change(path.read_text())
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return broken


def state(project):
    """Return the files of the migrations and the tables of the database."""
    files = {path: path.read_bytes() for path in project.migrations.rglob("*") if path.is_file()}
    return files, project.sql("SELECT sql FROM sqlite_master ORDER BY name")


def complaint(project, command, path, reason):
    """Return what is wrong with how `command` reports the broken file; None if nothing is."""
    before = state(project)
    try:
        result = project.run(*command)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if state(project) != before:
        return "something has changed"
    if result.exit_code != 1:
        return f"exit code {result.exit_code}: {result.output}"
    naming = [line for line in result.output.splitlines() if path.name in line]
    if not naming or reason not in naming[0] or "Traceback" in result.output:
        return result.output
    return None


@pytest.mark.parametrize("kind", BROKEN)
def test_F32_a_broken_revision_file(project, broken, kind):
    change, reason = BROKEN[kind]
    path = broken(change)
    found = {" ".join(command): complaint(project, command, path, reason) for command in COMMANDS}
    assert {command: text for command, text in found.items() if text} == {}


def test_F32_no_upgrade(project, broken):
    path = broken(lambda text: text.replace("def upgrade():", "def upgrades():"))
    commands = [("upgrade",), ("verify",), ("sql",), ("new", "--prove"), ("rebuild",)]
    found = {" ".join(command): complaint(project, command, path, "upgrade()") for command in commands}
    assert {command: text for command, text in found.items() if text} == {}


def test_F32_no_downgrade_is_reported_before_it_is_applied(project, broken):
    path = broken(lambda text: text.partition("def downgrade")[0])
    assert project.fails("new", "--prove") == f"Error: {path.name} has no downgrade(): write one."
    result = project.run("verify")
    assert result.exit_code == 1 and f"{path.name} has no downgrade(): write one." in result.output


def test_F32_no_downgrade_cannot_be_taken_back(project, broken):
    path = broken(lambda text: text.partition("def downgrade")[0])
    project.flask("upgrade")
    sentence = project.fails("downgrade", "--yes")
    assert f"{path.name} has no downgrade()" in sentence
    assert project.sql("SELECT version_num FROM alembic_version") == [("broken",)]


def test_F32_a_broken_file_in_a_call_of_flask_migrate(project, broken):
    """As in tests and in code that migrates at start-up, without the command line."""
    path = broken(BROKEN["unknown name"][0])
    with project.create_app().app_context(), pytest.raises(MigrationError, match="undefined") as caught:
        flask_migrate.upgrade()
    assert str(caught.value).startswith(path.name)


def test_F32_a_backup_needs_no_revisions(project, broken):
    broken(BROKEN["syntax error"][0])
    assert "Snapshot: " in project.flask("backup")


SEED = """
class Flask(Flask):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)

        @self.cli.command("seed")
        def seed():
            {body}
"""


def with_seed(project, body):
    project.models = model("nick = db.Column(db.String(20))") + SEED.format(body=body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("None + 1", "TypeError"),
        ('raise ValueError("one\\ntwo")', "ValueError: one"),
        ("import not_there", "not_there"),
        ('open("missing.csv")', "missing.csv"),
    ],
)
def test_F33_an_error_in_the_seed(project, body, reason):
    with_table(project, "nick = db.Column(db.String(20))")
    with_seed(project, body)
    result = project.run("rebuild")
    *lines, sentence = result.output.strip().splitlines()
    assert result.exit_code == 1 and sentence.startswith("Error: ") and reason in sentence
    assert "__init__.py" in sentence and re.search(r"(line |:)\d+", sentence), sentence
    # No success is announced, or else what the database is now.
    assert not any("empty →" in line for line in lines) or "rebuilt" in sentence


def test_F33_a_seed_that_exits(project):
    with_table(project, "nick = db.Column(db.String(20))")
    with_seed(project, "raise SystemExit(3)")
    result = project.run("rebuild")
    assert result.exit_code == 1 and "seed" in result.output.strip().splitlines()[-1]


def test_F33_an_error_of_the_database_in_the_seed(project):
    with_table(project, "nick = db.Column(db.String(20))")
    with_seed(project, 'db.session.execute(db.text("SELECT * FROM missing"))')
    assert "no such table: missing" in project.fails("rebuild")


def test_revisions_that_come_after_each_other(project, broken):
    """As after a careless edit of down_revision, or a merge of two of them."""
    path = broken(lambda text: text)
    first = next(file for file in project.versions if file != path)
    first.write_text(with_line(first.read_text(), "down_revision", '"broken"'))
    reason = "come after each other by their down_revision"
    found = {" ".join(command): complaint(project, command, path, reason) for command in COMMANDS}
    assert {command: text for command, text in found.items() if text} == {}


@pytest.mark.parametrize("kind", ["UTF-16", "a folder"])
def test_a_manifest_that_cannot_be_read(project, kind):
    with_table(project, "nick = db.Column(db.String(20))")
    manifest = project.migrations / "HEAD"
    text = manifest.read_text()
    manifest.unlink()
    if kind == "a folder":
        manifest.mkdir()
    else:
        manifest.write_text(text, encoding="utf-16")  # as PowerShell does
    for command in COMMANDS:
        before = state(project)
        result = project.run(*command)
        assert state(project) == before
        if command not in [("history",), ("heads",), ("current",)]:
            assert result.exit_code == 1 and "migrations/HEAD is no file in UTF-8: delete it" in result.output
    if kind == "UTF-16":
        manifest.unlink()
        project.flask("new", "--prove")
        assert manifest.read_text() == text


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<<<<<<< HEAD\n[alembic]\ntimezone = UTC\n", "cannot be read: File contains no section headers"),
        (
            "[alembic]\ntimezone = UTC\ntimezone = UTC\n",
            "option 'timezone' in section 'alembic' already exists",
        ),
        ("[alembic]\nfile_template = %(year)d_%(rev)s\n", "a percent sign is written as %%"),
    ],
)
def test_an_alembic_ini_that_cannot_be_read(project, text, reason):
    (project.migrations / "alembic.ini").write_text(text)
    for command in COMMANDS:
        result = project.run(*command)
        assert result.exit_code == 1
        assert "migrations/alembic.ini" in result.output and reason in result.output


def test_an_alembic_ini_with_a_file_template(project):
    text = "[alembic]\nfile_template = %%(year)d_%%(rev)s\nsqlalchemy.url = driver://user:50%off@localhost\n"
    (project.migrations / "alembic.ini").write_text(text)
    project.flask("new", "-m", "first")
    assert re.fullmatch(r"\d{4}_[0-9a-f]{12}\.py", project.versions[0].name)
