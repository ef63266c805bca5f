"""`flask db status` while another process migrates: who holds the lock, and what a revision waits for."""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Any

import pytest
from histories import ENGINES, edit, list_revisions, write_revision
from sqlalchemy import create_engine, make_url, text

from flask_safe_migrations import api
from flask_safe_migrations.backends.locking import LockHolder, describe_holder, process_tag, read_tag
from flask_safe_migrations.backends.postgresql.lock import find_holder

GATE = """
import os
import time


def upgrade():
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    open("running", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.02)
def downgrade():
    op.drop_table("note")
"""
WAITS = """
def upgrade():
    op.create_table("note", sa.Column("id", sa.Integer, primary_key=True))
    op.add_column("item", sa.Column("name", sa.String(20)))
def downgrade():
    op.drop_column("item", "name")
    op.drop_table("note")
"""
SINCE = r"since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@contextmanager
def migrating(project: Any, **env: str) -> Iterator[Popen[str]]:
    """Run `flask db upgrade` in a process of its own, which is ended with the block."""
    project.create_app()  # writes the package
    command = [sys.executable, "-m", "flask", "--app", project.name, "db", "upgrade"]
    environment = os.environ | {"FLASK_DEBUG": "1"} | env
    process = Popen(
        command, cwd=project.path, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("engine", ENGINES)
def test_status_names_the_process_that_migrates(started, engine):
    project = started(engine)
    write_revision(project, "slow", GATE)
    assert "Lock" not in project.flask("status")
    with migrating(project) as process:
        until((project.path / "running").exists)
        shown = project.flask("status")
        (line,) = re.findall(r"^Lock +(.+)$", shown, re.MULTILINE)
        assert re.fullmatch(rf"held by the migration of \S+, pid {process.pid}, {SINCE}", line), line
        # On MariaDB a part of it is there already, but it is not half applied: the process goes on.
        assert ("Running   slow: 1 statement has run" in shown) == (engine == "mariadb")
        assert "half applied" not in shown and "Pending   slow (slow)" in shown
        with project.create_app().app_context():
            (status,) = api.status()
        assert status.lock is not None and status.lock.pid == process.pid and status.problem is None
        assert json.loads(json.dumps(asdict(status)))["lock"]["since"] == status.lock.since
        (project.path / "go").touch()
        assert process.wait(60) == 0
    assert "Lock" not in project.flask("status") and "Running" not in project.flask("status")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_that_was_killed_holds_no_lock(started, engine):
    project = started(engine)
    write_revision(project, "slow", GATE)
    with migrating(project):
        until((project.path / "running").exists)
    until(lambda: "Lock" not in project.run("status").output, 20)
    result = project.run("status")
    assert (result.exit_code, "half applied" in result.output) == (
        (1, True) if engine == "mariadb" else (0, False)
    )


def test_a_busy_file_of_sqlite_names_the_process_that_migrates_it(started):
    project = started("sqlite")
    project.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 0.1}}
    # So many changed pages do not fit into its cache: it locks the file for readers as well.
    spill = (
        "op.execute('PRAGMA cache_size = 1')\n    op.execute('CREATE TABLE big AS SELECT zeroblob(99999)')"
    )
    write_revision(project, "slow", GATE.replace("    open(", f"    {spill}\n    open(", 1))
    with migrating(project) as process:
        until((project.path / "running").exists)
        sentence = project.fails("status")
        assert re.search(rf"is in use by the migration of \S+, pid {process.pid}, {SINCE}: wait", sentence), (
            sentence
        )


def test_status_says_what_a_statement_of_mariadb_waits_for(started):
    project = started("mariadb")
    write_revision(project, "waits", WAITS)
    engine = create_engine(project.url)

    def find() -> re.Match[str] | None:
        output = project.run("status").output
        return re.search(r"^Running   .+metadata lock.*$", output, re.MULTILINE)

    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM item"))  # its transaction stays open
        me = reader.scalar(text("SELECT connection_id()"))
        with migrating(project, MIGRATION_STATEMENT_LOCK_TIMEOUT="60"):
            shown = until(find)[0]
        assert shown.startswith("Running   waits: 1 statement has run, now: ALTER TABLE item ADD COLUMN name")
        assert re.search(
            rf"\(connection \d+, \d+ s, Waiting for table metadata lock; .+ process {me} \(", shown
        )
        # The process was killed, and its lock is gone.
        result = project.run("status")
        assert result.exit_code == 1 and "Lock  " not in result.output
        interrupted = "waits: 1 statement has run, (now|interrupted in): ALTER TABLE item ADD COLUMN name"
        assert re.search(f"^Running   {interrupted}", result.output, re.MULTILINE), result.output
        assert "waits is half applied" in result.output.splitlines()[-1]
    engine.dispose()


def test_status_counts_the_statements_of_a_half_applied_revision(started):
    project = started("mariadb")
    path = write_revision(
        project, "half", WAITS.replace('    op.add_column("item"', '    1 / 0\n    op.add_column("item"')
    )
    project.fails("upgrade")
    result = project.run("status")
    assert result.exit_code == 1 and "Running   half: 1 statement has run\n" in result.output
    assert "half is half applied" in result.output.splitlines()[-1]
    edit(path, "    1 / 0\n", "")
    list_revisions(project)
    project.flask("upgrade")
    assert "Running" not in project.flask("status")


def test_a_tag_says_who_and_since_when():
    holder = read_tag(process_tag())
    assert holder is not None and holder.pid == os.getpid() and not holder.ended
    assert re.fullmatch(rf"the migration of \S+, pid {os.getpid()}, {SINCE}", str(holder))
    ended = f"{holder.host}|{2**22 + 1}|{holder.since}"
    assert read_tag(ended) == LockHolder(holder.host, holder.since, 2**22 + 1, ended=True)
    assert describe_holder(ended) is None
    assert str(read_tag("elsewhere|7|2026-11-29T09:00:00Z")) == (
        "the migration of elsewhere, pid 7, since 2026-11-29T09:00:00Z"
    )
    assert [read_tag(tag) for tag in (None, "", "psql", "a|b|c")] == [None] * 4
    assert str(LockHolder("", "", connection=7)) == "a migration of another user, connection 7"


def test_a_user_of_postgresql_who_may_not_see_other_sessions_sees_who_migrates(started):
    project = started("postgresql")
    write_revision(project, "slow", GATE)
    project.sql("CREATE ROLE looker LOGIN PASSWORD 'x'")
    engine = create_engine(make_url(project.url).set(username="looker", password="x"))
    try:
        with migrating(project) as process, engine.connect() as connection:
            until((project.path / "running").exists)
            found = find_holder(connection)
            assert found is not None and found.pid == process.pid
    finally:
        engine.dispose()
        project.sql("DROP ROLE looker")
