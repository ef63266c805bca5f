"""Many processes migrate one database at once; a lock that somebody holds; a holder that is killed."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable

import psycopg
import pytest
import servers
from project import Bake, BakedProject
from servers import Server

REPLICAS = int(os.environ.get("REPLICAS", "32"))
SLOW = """
def upgrade():
    open("running", "w").close()
    op.execute("CREATE TABLE slow (id INTEGER)")
    __import__("time").sleep({seconds})


def downgrade():
    op.drop_table("slow")
"""


def start(project: BakedProject, *arguments: str, **env: str) -> subprocess.Popen:
    return project.start(*(arguments or ["db", "upgrade"]), **env)


def finish(processes: list[subprocess.Popen]) -> list[tuple[int, str]]:
    return [(process.wait(), out) for process in processes for out, _ in [process.communicate(timeout=240)]]


def wait_until(condition, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_H46_replicas_that_start_together_apply_each_revision_once(anywhere: BakedProject) -> None:
    """From a database that does not exist yet; the revisions write rows, so that a second run would show."""
    project = anywhere
    for number in range(3):
        body = f"def upgrade():\n    op.execute(\"INSERT INTO tags (name) VALUES ('tag {number}')\")\n"
        body += f'    op.create_table("t{number}", sa.Column("id", sa.Integer, primary_key=True))\n'
        project.write_revision(f"step{number}", body)
    # The suite runs on two cores: 32 processes need their time to start.
    ended = finish([start(project, MIGRATION_LOCK_TIMEOUT="200") for _ in range(REPLICAS)])
    assert [code for code, _ in ended] == [0] * REPLICAS, [out for code, out in ended if code]
    everything = "".join(out for _, out in ended)
    for revision in ("3f1d9a62c0b7 (baseline)", "step0 (step0)", "step1 (step1)", "step2 (step2)"):
        assert (
            len(re.findall(rf"^  (?:\d/\d )?{re.escape(revision)}\n    [\d.]+ s$", everything, re.MULTILINE))
            == 1
        )
    assert project.sql("SELECT name FROM tags ORDER BY name") == [(f"tag {n}",) for n in range(3)]
    assert project.revision == "step2"
    assert everything.count("Nothing to do") == REPLICAS - 1
    # the same again, now that nothing is pending
    ended = finish([start(project, MIGRATION_LOCK_TIMEOUT="200") for _ in range(4)])
    assert all(code == 0 and "Nothing to do" in out for code, out in ended)


def test_who_comes_second_says_for_whom_it_waits_and_gives_up_in_time(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.write_revision("slow", SLOW.format(seconds=6))
    first = start(project)
    wait_until((project.path / "running").exists)
    impatient = start(project, MIGRATION_LOCK_TIMEOUT="0.5")
    patient = start(project)
    (code, out), (patient_code, patient_out), (first_code, _) = finish([impatient, patient, first])
    assert first_code == patient_code == 0
    assert code == 1 and "gave up after 0.5 s" in out and "Traceback" not in out
    who = rf"the migration of \S+, pid {first.pid}"
    for text in (out, patient_out):
        assert re.search(rf"Waiting for .*{who}, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", text), text
    assert "the process that was waited for" in patient_out
    assert project.revision == "slow"


def test_a_holder_that_is_killed_does_not_stop_the_next(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    body = "def upgrade():\n    import os, time\n    open('running', 'w').close()\n"
    path = project.write_revision("killed", f"{body}    time.sleep(60)\n")
    first = start(project)
    wait_until((project.path / "running").exists)
    first.send_signal(signal.SIGKILL)
    first.wait()
    project.edit(path, "time.sleep(60)", "pass")
    began = time.monotonic()
    project.make("migrate")
    assert time.monotonic() - began < 20
    assert project.revision == "killed"
    assert not list((project.path / "instance").glob("*.migrating"))


def test_a_downgrade_waits_as_well(project: BakedProject) -> None:
    project.make("db")
    project.write_revision("slow", SLOW.format(seconds=4))
    first = start(project)
    wait_until((project.path / "running").exists)
    second = start(project, "db", "downgrade", "3f1d9a62c0b7")
    ended = finish([second, first])
    assert [code for code, _ in ended] == [0, 0], ended
    assert "Waiting for" in ended[0][1] and project.revision == "3f1d9a62c0b7"


@pytest.fixture
def shop(on: Bake) -> BakedProject:
    project = on("postgresql")
    project.make("db")
    return project


def longest_wait(seconds: float, read: Callable[[], object]) -> float:
    """Read again and again for so many seconds; return how long the longest took."""
    longest, end = 0.0, time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.monotonic()
        read()
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.02)
    return longest


def test_H50_a_migration_gives_way_to_a_long_transaction_and_comes_back(shop: BakedProject) -> None:
    """Readers queue behind a waiting ALTER: never for longer than the lock timeout."""
    project = shop
    project.add_column()
    project.revise("phone")
    with psycopg.connect(project.url) as long, psycopg.connect(project.url, autocommit=True) as reader:
        long.execute("UPDATE users SET name = name")
        migration = start(project, MIGRATION_STATEMENT_LOCK_TIMEOUT="1")
        longest = longest_wait(12, lambda: reader.execute("SELECT count(*) FROM users"))
        assert migration.poll() is None, migration.communicate()
        long.commit()
        ((code, out),) = finish([migration])
    assert code == 0, out
    assert "Lock timeout" in out and "Trying again" in out and "the oldest transaction" in out
    assert 0.5 < longest < 3
    assert project.sql("SELECT phone FROM users") == [(None,)]


def test_H50_after_ten_tries_it_gives_up_and_nothing_has_changed(shop: BakedProject) -> None:
    project = shop
    project.add_column()
    project.revise("phone")
    with psycopg.connect(project.url) as long:
        long.execute("LOCK TABLE users")
        out = project.flask("db", "upgrade", check=False, MIGRATION_STATEMENT_LOCK_TIMEOUT="0.1")
        long.rollback()
    assert out.returncode == 1 and out.out.count("Trying again") == 9 and "Traceback" not in out.out
    assert project.revision == "3f1d9a62c0b7"
    project.make("migrate")


def test_a_connection_pooler_is_refused_and_the_way_around_it_named(
    shop: BakedProject, postgresql: Server
) -> None:
    project = shop
    project.add_column()
    project.revise("phone")
    direct = project.env["DATABASE_URL"]
    with servers.pgbouncer(postgresql) as pooler:
        through = direct.replace(f":{postgresql.port}/", f":{pooler.port}/")
        sentence = project.flask_fails("db", "upgrade", DATABASE_URL=through)
        assert "pooler" in sentence and "MIGRATION_DATABASE_URL" in sentence
        assert project.revision == "3f1d9a62c0b7"
        project.flask("db", "upgrade", DATABASE_URL=through, MIGRATION_DATABASE_URL=direct)
        assert project.sql("SELECT phone FROM users") == [(None,)]
        assert "Pending   nothing" in project.flask("db", "status", DATABASE_URL=through).out


def test_H48_an_index_is_made_concurrently_while_others_wait(shop: BakedProject) -> None:
    project = shop
    body = "def upgrade():\n    with op.get_context().autocommit_block():\n"
    body += '        op.create_index("ix_tags_slow", "tags", ["name"], postgresql_concurrently=True)\n'
    project.write_revision("concurrently", body)
    ended = finish([start(project) for _ in range(6)])
    assert [code for code, _ in ended] == [0] * 6, ended
    assert project.sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_tags_slow'::regclass") == [
        (True,)
    ]


def test_H52_each_revision_is_a_transaction_of_its_own(shop: BakedProject) -> None:
    project = shop
    for name in ("one", "two"):
        query = f"CREATE TABLE {name} AS SELECT pg_current_xact_id()::text AS id"
        body = f'def upgrade():\n    op.execute("{query}")'
        project.write_revision(name, body)
    project.make("migrate")
    assert project.sql("SELECT id FROM one") != project.sql("SELECT id FROM two")


def test_a_setting_that_is_no_number(project: BakedProject) -> None:
    sentence = project.flask_fails("db", "upgrade", MIGRATION_LOCK_TIMEOUT="soon")
    assert "MIGRATION_LOCK_TIMEOUT" in sentence and "soon" in sentence


def test_H16_a_reader_in_the_way(project: BakedProject) -> None:
    """Without a write-ahead log a reader holds up the commit: one sentence, and nothing has changed."""
    import sqlite3

    project.make("db")
    project.add_column()
    project.revise("phone")
    reader = sqlite3.connect(project.path / "instance" / "my_app.db", isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM users").fetchone()
    sentence = project.flask("db", "upgrade", check=False).out.splitlines()[-1]
    assert "in use" in sentence
    assert project.revision == "3f1d9a62c0b7"
    reader.execute("COMMIT")
    project.make("migrate")
