"""What the commands say when something is not as it should be: one sentence, which names the way on."""

import os
import pty
import re
import shutil
import signal
import sys
from contextlib import suppress
from subprocess import PIPE, Popen

import pytest
from hand_written import model, upgrade, with_table, write_revision
from histories import TABLE

from flask_safe_migrations.cli.terminal import TerminalReporter

COLUMNS = "nick = db.Column(db.String(20))"


@pytest.fixture
def two_heads(project):
    """A project with a database, and two revisions that follow the same one."""
    with_table(project, COLUMNS)
    ((first,),) = project.sql("SELECT version_num FROM alembic_version")
    for name in ("mine", "theirs"):
        write_revision(project, name, TABLE.format(name), down=first)
    return project


@pytest.mark.parametrize(
    "command",
    [
        *[("upgrade",), ("sql",), ("rebuild",), ("upgrade", "--sql"), ("upgrade", "+1")],
        *[("new", "-m", "x"), ("new", "--prove"), ("squash", "--yes"), ("adopt",)],
    ],
)
def test_F34_two_heads(two_heads, command):
    project = two_heads
    sentence = project.fails(*command)
    assert "mine.py" in sentence and "theirs.py" in sentence
    assert "flask db rebase" in sentence and "Multiple head" not in sentence
    assert project.sql("SELECT count(*) FROM sqlite_master WHERE name IN ('mine', 'theirs')") == [(0,)]


def test_F34_status_reports_two_heads(two_heads):
    out = two_heads.flask("status")
    assert "mine" in out and "theirs" in out and "flask db rebase" in out


def test_F34_status_reports_a_database_at_two_heads(two_heads):
    two_heads.flask("upgrade", "heads")
    assert "flask db merge" in two_heads.flask("status")


def test_F34_downgrade_at_two_heads_asks_which(two_heads):
    two_heads.flask("upgrade", "heads")
    sentence = two_heads.fails("downgrade", "--yes")
    assert "mine" in sentence and "theirs" in sentence


@pytest.mark.parametrize("destination", [[], ["-2"]])
def test_F34_downgrade_at_a_merge_asks_which(two_heads, destination):
    two_heads.flask("merge", "heads", "-m", "both")
    (merge,) = two_heads.migrations.glob("versions/*_both.py")
    if destination:
        write_revision(two_heads, "last", upgrade("pass"), down=merge.name.partition("_")[0])
    two_heads.flask("upgrade")
    sentence = two_heads.fails("downgrade", *destination, "--yes")
    assert ("last (last)" if destination else "(both)") in sentence
    assert "joins two others: name the one to go back to" in sentence and "Nothing was changed." in sentence
    assert "Pending   nothing" in two_heads.flask("status")


@pytest.fixture
def without_instance(project, tmp_path):
    """A project whose instance folder cannot be made: a file is in its place."""
    with_table(project, COLUMNS)
    instance = tmp_path / "instance"
    (instance / "shop_dev.db").rename(tmp_path / "shop_dev.db")
    project.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{tmp_path}/shop_dev.db"
    shutil.rmtree(instance)
    instance.write_text("")
    return project


@pytest.mark.parametrize("command", ["status", "sql", "verify", "upgrade", "rebuild"])
def test_F35_what_needs_no_instance_folder_works_without(without_instance, command):
    without_instance.flask(command)


@pytest.mark.parametrize("command", [["backup"], ["downgrade", "--yes"]])
def test_F35_a_snapshot_that_cannot_be_written(without_instance, command):
    without_instance.sql("INSERT INTO users (nick) VALUES ('a')")
    sentence = without_instance.fails(*command)
    assert "instance/backups" in sentence
    assert without_instance.sql("SELECT nick FROM users") == [("a",)]


@pytest.mark.parametrize("step", [[], ["-1"], ["-2"]])
@pytest.mark.parametrize("made", [False, True], ids=["no revision", "one revision"])
def test_F39_downgrade_of_an_empty_database(project, step, made):
    project.models = model(COLUMNS)
    if made:
        project.flask("new", "-m", "first")
    result = project.run("downgrade", "--yes", *step)
    assert "Relative revision" not in result.output and "Traceback" not in result.output
    assert "empty" in result.output.strip().splitlines()[-1]


def test_F39_downgrade_of_an_empty_database_to_base(project):
    project.models = model(COLUMNS)
    project.flask("new", "-m", "first")
    assert "Nothing to do" in project.flask("downgrade", "--yes", "base")


@pytest.mark.parametrize(
    ("command", "number"), [(["downgrade", "--yes", "-5"], "1"), (["upgrade", "+3"], "2")]
)
def test_F39_more_steps_than_there_are(project, command, number):
    with_table(project, COLUMNS)
    for name in ("second", "third"):
        write_revision(project, name, TABLE.format(name))
    sentence = project.fails(*command)
    assert "Relative revision" not in sentence and re.search(rf"\b{number}\b", sentence), sentence


def data_revision(project):
    with_table(project, COLUMNS)
    project.flask("new", "-m", "fill", "--data", "users.nick")
    (path,) = project.migrations.glob("versions/*fill.py")
    return path


@pytest.mark.parametrize("command", [["upgrade"], ["rebuild"]])
def test_F40_a_data_revision_as_it_was_generated(project, command):
    path = data_revision(project)
    sentence = project.fails(*command)
    assert path.name in sentence and "VALUES" in sentence
    ((revision,),) = project.sql("SELECT version_num FROM alembic_version")
    assert revision not in path.name


def test_F40_the_sql_of_a_data_revision_as_it_was_generated(project):
    path = data_revision(project)
    sentence = project.fails("sql")
    assert path.name in sentence and "VALUES" in sentence


@pytest.mark.parametrize("command", [["new", "--prove"], ["verify"]])
def test_F40_the_proof_of_a_data_revision_as_it_was_generated(project, command):
    data_revision(project)
    result = project.run(*command)
    assert result.exit_code == 1 and "VALUES" in result.output


def test_F40_a_data_revision_that_is_filled_in(project):
    path = data_revision(project)
    path.write_text(path.read_text().replace('{"nick": ...}', '{"nick": "x"}'))
    project.flask("new", "--prove")
    project.sql("INSERT INTO users (nick) VALUES (NULL)")
    project.flask("upgrade")
    assert project.sql("SELECT nick FROM users") == [("x",)]


SPEAKS = '__import__("click").echo("RUNS {}")'


def places(output, *texts):
    return [output.find(text) for text in texts]


@pytest.mark.parametrize("command", [["upgrade"], ["rebuild"]])
def test_F41_the_name_of_a_revision_before_it_runs(project, command):
    with_table(project, COLUMNS)
    write_revision(project, "slow", upgrade(SPEAKS.format("slow")))
    name, runs = places(project.flask(*command), "slow (slow)", "RUNS slow")
    assert 0 <= name < runs


def test_F41_the_name_of_a_revision_before_it_is_taken_back(project):
    with_table(project, COLUMNS)
    path = write_revision(project, "slow", upgrade("pass"))
    path.write_text(path.read_text()[::-1].replace("ssap", SPEAKS.format("back")[::-1], 1)[::-1])
    project.flask("upgrade")
    name, runs = places(project.flask("downgrade", "--yes"), "slow (slow)", "RUNS back")
    assert 0 <= name < runs


def test_F41_verify_reports_each_check_as_it_is_done(project):
    with_table(project, COLUMNS)
    write_revision(project, "slow", upgrade(SPEAKS.format("slow")))
    project.flask("rebase")  # writes migrations/HEAD
    out = project.run("verify").output
    head, runs, models = places(out, "✓ there is one head", "RUNS slow", "every constraint has a name")
    assert 0 <= head < runs < models


@pytest.mark.parametrize("command", ["upgrade", "verify"])
def test_F41_several_revisions_are_counted(project, command, monkeypatch):
    monkeypatch.setattr(TerminalReporter, "PROGRESS_INTERVAL", 0)
    with_table(project, COLUMNS)
    for number in range(3):
        write_revision(project, f"step{number}", upgrade("pass"))
    total = {"upgrade": 3, "verify": 4}[command]
    assert re.search(rf"\b2\s*(/|of)\s*{total}\b", project.run(command).output)


def test_F41_a_pipe_gets_progress_now_and_then(project, monkeypatch):
    monkeypatch.setattr(TerminalReporter, "PROGRESS_INTERVAL", 60)  # seconds; a busy machine needs a while
    with_table(project, COLUMNS)
    for number in range(3):
        write_revision(project, f"step{number}", upgrade("pass"))
    result = project.run("verify")
    assert "2/4" not in result.output and result.stderr == ""


def test_F41_the_time_of_a_revision_follows_in_a_pipe(project):
    with_table(project, COLUMNS)
    write_revision(project, "slow", upgrade("pass"))
    assert re.search(r"^  slow \(slow\)\n    \d+\.\d\d s\n", project.flask("upgrade"))
    assert re.search(r"^  back: slow \(slow\)\n    \d+\.\d\d s\n", project.flask("downgrade", "--yes"))


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["pass"], r"  slow \(slow\)  \d\.\d\d s\n"),
        ([SPEAKS.format("slow")], r"  slow \(slow\)\nRUNS slow\n    \d\.\d\d s\n"),
        (['print("RUNS slow")'], r"  slow \(slow\)\nRUNS slow\n    \d\.\d\d s\n"),
        (["raise ValueError"], r"  slow \(slow\)\nError: Revision \S+ failed: .*\n"),
    ],
    ids=["silent", "echo", "print", "failing"],
)
def test_F41_the_time_of_a_revision_is_on_its_line_on_a_terminal(project, lines, shown):
    with_table(project, COLUMNS)
    write_revision(project, "slow", upgrade(*lines))
    command = [sys.executable, "-m", "flask", "--app", project.name, "db", "upgrade"]
    terminal, stream = pty.openpty()
    environment = os.environ | {"NO_COLOR": "1"}
    with Popen(command, cwd=project.path, env=environment, stdin=stream, stdout=stream, stderr=stream):
        os.close(stream)
        with suppress(OSError):  # EIO at the end
            output = b""
            while read := os.read(terminal, 1024):
                output += read
    os.close(terminal)
    assert re.match(shown, output.decode().replace("\r\n", "\n")), output.decode()


STOPPED = upgrade('op.execute("CREATE TABLE half (id INTEGER)")', "raise KeyboardInterrupt")


def test_F41_ctrl_c_tells_what_state_is_left(project):
    with_table(project, COLUMNS)
    path = write_revision(project, "stopped", STOPPED)
    result = project.run("upgrade")
    assert result.exit_code != 0 and project.sql("SELECT 1 FROM sqlite_master WHERE name = 'half'") == []
    last = result.output.strip().splitlines()[-1]
    assert path.name in last and "Nothing was changed" in last


def test_F41_ctrl_c_on_mariadb_tells_what_state_is_left(new_project, server_url):
    project = new_project(server_url("mysql+pymysql"))
    with_table(project, COLUMNS)
    path = write_revision(project, "stopped", STOPPED)
    result = project.run("upgrade")
    last = result.output.strip().splitlines()[-1]
    assert result.exit_code != 0 and path.name in last
    assert "the next run goes on from there" in last
    path.write_text(path.read_text().replace("    raise KeyboardInterrupt\n", ""))
    project.flask("upgrade")


@pytest.mark.parametrize("command", [["verify"], ["new", "--prove"], ["rebuild"]])
def test_F41_ctrl_c_of_a_proof_tells_that_the_database_is_unchanged(project, command):
    with_table(project, COLUMNS)
    project.sql("INSERT INTO users (nick) VALUES ('kept')")
    write_revision(project, "stopped", STOPPED)
    result = project.run(*command)
    assert result.exit_code != 0 and project.sql("SELECT nick FROM users") == [("kept",)]
    assert re.search("unchanged|as it was|Nothing was changed", result.output.splitlines()[-1])


def test_F41_ctrl_c_in_a_process_of_its_own(project):
    with_table(project, COLUMNS)
    path = write_revision(
        project, "slow", upgrade("import time", 'print("RUNS", flush=True)', "time.sleep(60)")
    )
    command = [sys.executable, "-m", "flask", "--app", project.name, "db", "upgrade"]
    process = Popen(command, cwd=project.path, stdout=PIPE, stderr=PIPE, text=True)
    started = [process.stdout.readline(), process.stdout.readline()]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and out == ""
    assert started == ["  slow (slow)\n", "RUNS\n"]
    assert err == f"Error: Interrupted in {path.name}. Nothing was changed.\n"


@pytest.mark.parametrize("repair", [["rebase"], ["new", "--prove"], ["new", "-m", "more"]])
def test_F42_a_deleted_revision_leaves_migrations_head(project, repair):
    with_table(project, COLUMNS)
    more = f"{COLUMNS}\nage = db.Column(db.Integer)"
    project.models = model(more)
    project.flask("new", "-m", "age")
    (path,) = project.migrations.glob("versions/*age.py")
    path.unlink()
    if repair[-1] != "more":
        project.models = model(COLUMNS)
    result = project.run("verify")
    assert result.exit_code == 1
    assert re.search(r"is listed, but has no file; `flask db .+` updates it", result.output)
    project.flask(*repair)
    assert " age\n" not in (project.migrations / "HEAD").read_text()
    assert "✗" not in project.flask("verify")


@pytest.mark.parametrize("repair", [["rebase"], ["new", "--prove"]])  # `verify` proposes the second
def test_F42_the_only_revision_is_deleted(project, repair):
    project.models = model(COLUMNS)
    project.flask("new", "-m", "first")
    project.versions[0].unlink()
    project.models = ""
    project.flask(*repair)
    assert " first\n" not in (project.migrations / "HEAD").read_text().partition("\n")[2]
    assert "✗" not in project.flask("verify")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("user.id", 'no model has a table user: write ForeignKey("users.id"), or import the module'),
        ("Users.id", 'no model has a table Users: write ForeignKey("users.id"), or import the module'),
        ("shop.id", "no model has a table shop: correct it, or import the module"),
        ("users.ident", "users has no column ident: it has id, nick, boss_id."),
        ("users", 'refers to users without a column: write ForeignKey("users.boss_id"), or another column'),
        ("shop", 'refers to shop without a column: write ForeignKey("shop.boss_id"), or another column'),
    ],
)
def test_a_foreign_key_that_leads_nowhere(project, target, sentence):
    with_table(project, COLUMNS)
    project.models = model(f"{COLUMNS}\nboss_id = db.Column(db.ForeignKey({target!r}))")
    for command in (("new", "-m", "x"), ("check",), ("verify",), ("adopt",)):
        reason = project.fails(*command)
        assert reason.startswith("Error: users.boss_id refers to") and sentence in reason
    assert len(project.versions) == 1


def test_restore_where_nobody_can_be_asked_names_the_command_that_does_not_ask(project):
    with_table(project, COLUMNS)
    project.sql("INSERT INTO users (nick) VALUES ('kept')")
    path = project.flask("backup").split()[-1]
    project.sql("UPDATE users SET nick = 'later'")
    sentence = project.fails("restore", path)
    assert sentence == f"Error: Nothing was changed: `flask db restore --yes {path}` does not ask."
    assert project.fails("restore").endswith("`flask db restore --yes` does not ask.")
    assert project.sql("SELECT nick FROM users") == [("later",)]
    project.flask("restore", "--yes", path)
    assert project.sql("SELECT nick FROM users") == [("kept",)]


@pytest.mark.parametrize("debug", ["1", "0"])
def test_a_revision_that_a_colleague_has_corrected(project, monkeypatch, debug):
    with_table(project, COLUMNS)
    path = project.versions[-1]
    path.write_text(path.read_text().replace("def downgrade", "def more():\n    pass\n\n\ndef downgrade"))
    monkeypatch.setenv("FLASK_DEBUG", debug)
    output = project.flask("upgrade")
    assert "was changed after it was applied" in output and "put the history back as it was" in output
    assert ("; or rebuild this development database, `flask db rebuild`." in output) == (debug == "1")
