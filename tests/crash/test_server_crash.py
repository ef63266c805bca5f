"""The database server dies in the middle of a migration, or a connection of it does.

The migration ends with one sentence. Once the server is back all rows are there, at an exact revision on
PostgreSQL, half-way at most on MariaDB; and the next run completes.
"""

import random
import re
import time
from collections.abc import Iterator

import pytest
import servers
import test_kill
from kills import KILLS
from project import Bake, BakedProject
from servers import Server
from test_deployments import start, wait_until

TRIALS = max(2, KILLS // 10)
SUMS = test_kill.sums(test_kill.ROWS)
# Says when it is in the middle, and goes on once a signal arrives.
HELD = """
def upgrade():
    op.execute("CREATE TABLE first (id INTEGER)")
    op.execute("INSERT INTO first VALUES (1)")
    {line}


def downgrade():
    op.drop_table("first")
"""
ME = {"postgresql": "pg_backend_pid", "mariadb": "connection_id"}
HOLD = (
    "import os, time; from pathlib import Path\n"
    "    Path('running').write_text(str(op.get_bind().exec_driver_sql('SELECT {me}()').scalar()))\n"
    "    while not os.path.exists('go on'): time.sleep(0.05)\n"
    "    op.execute('INSERT INTO first VALUES (2)')"
)


@pytest.fixture(scope="module", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of our own, with the settings of production."""
    with getattr(servers, request.param)(durable=True) as server:
        yield server


def ends_in_one_sentence(process) -> str:
    """Wait for a migration that cannot go on; return its last line."""
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and "Traceback" not in out, out
    others = r"  (?:\d/\d )?\w+ \(\w+\)|    [\d.]+ s|Taking up \w+ where it stopped.*"
    lines = [line for line in out.splitlines() if not re.fullmatch(others, line)]
    assert len(lines) == 1, out
    return lines[0]


def test_the_server_is_killed_at_a_random_moment(bake: Bake, server: Server) -> None:
    project = bake(example_models=False)
    project.write_revision("family", test_kill.family())
    whole = 0.0
    ended_at, sentences = [], set()
    for trial in range(-1, TRIALS):
        project.env["DATABASE_URL"] = server.url(f"crash_{trial + 1}_dev")
        pending = [project.path / "migrations" / "versions" / f"{name}.py" for name in test_kill.PENDING]
        for path in pending:
            path.unlink(missing_ok=True)
        project.make("migrate")
        down = "family"
        for path, body in zip(pending, test_kill.PENDING.values(), strict=True):
            project.write_revision(path.stem, body, down).rename(path)
            down = path.stem
        began = time.monotonic()
        process = start(project)
        if trial < 0:  # undisturbed, for the time that it takes
            assert process.wait() == 0
            whole = time.monotonic() - began
            continue
        time.sleep(random.Random(trial).uniform(0.3, 1.0) * whole)
        server.kill()
        if process.wait():
            sentences.add(ends_in_one_sentence(process))
        server.restart()
        assert project.sql("SELECT count(*), sum(id) FROM parents") == SUMS
        assert project.sql("SELECT count(*), sum(parent_id) FROM children") == SUMS
        if server.scheme == "postgresql":
            test_kill.look(project)
        ended_at.append(project.revision)
        project.flask("db", "upgrade")
        test_kill.look(project)
        assert project.revision == "dropped"
    print(f"{TRIALS} crashes left the database at {sorted(map(str, ended_at))}: {sentences}")


@pytest.fixture
def held(bake: Bake, server: Server) -> BakedProject:
    """A project whose next revision stops in its middle and goes on after a signal."""
    project = bake(database=server.scheme)
    project.env["DATABASE_URL"] = server.url(f"held_{time.monotonic_ns()}_dev")
    project.make("db")
    project.write_revision("held", HELD.format(line=HOLD.format(me=ME[server.scheme])))
    project.write_revision("after", "def upgrade():\n    op.execute('CREATE TABLE second (id INTEGER)')\n")
    return project


def half_way(project: BakedProject):
    process = start(project)
    wait_until(lambda: (project.path / "running").exists() and (project.path / "running").read_text())
    return process


def go_on(project: BakedProject) -> None:
    (project.path / "go on").touch()


def nothing_of_it(project: BakedProject) -> None:
    assert project.revision == "3f1d9a62c0b7"
    if project.url.startswith("postgresql"):
        assert project.sql("SELECT tablename FROM pg_tables WHERE tablename IN ('first', 'second')") == []


def completes(project: BakedProject) -> None:
    go_on(project)
    project.flask("db", "upgrade")
    assert project.revision == "after"
    assert project.sql("SELECT id FROM first ORDER BY id") == [(1,), (2,)]


def test_the_server_is_away_half_way(held: BakedProject, server: Server) -> None:
    process = half_way(held)
    server.kill()
    go_on(held)
    assert "hung up" in ends_in_one_sentence(process)
    assert "does not answer" in held.flask_fails("db", "upgrade")
    server.restart()
    nothing_of_it(held)
    completes(held)


def test_the_connection_of_the_revision_is_lost(held: BakedProject, server: Server) -> None:
    process = half_way(held)
    cut = {"postgresql": "SELECT pg_terminate_backend({}, 5000)", "mariadb": "KILL CONNECTION {}"}
    held.sql(cut[server.scheme].format((held.path / "running").read_text()))
    go_on(held)
    assert "hung up" in ends_in_one_sentence(process)
    nothing_of_it(held)
    completes(held)


@pytest.mark.parametrize("server", ["postgresql"], indirect=True)
def test_the_connection_of_the_lock_is_lost(held: BakedProject, server: Server) -> None:
    """Whoever had the lock no longer has it: nothing is stored, and the next one goes about it at once."""
    process = half_way(held)
    holder = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    )
    assert held.sql(f"{holder} (SELECT oid FROM pg_database WHERE datname = current_database())") == [(True,)]
    go_on(held)
    sentence = ends_in_one_sentence(process)
    assert "another process may migrate by now" in sentence and "make migrate" in sentence
    nothing_of_it(held)
    completes(held)


def test_the_server_is_stopped_in_good_order(held: BakedProject, server: Server) -> None:
    process = half_way(held)
    server.process.send_signal(2 if server.scheme == "postgresql" else 15)
    server.process.wait()
    go_on(held)
    assert "hung up" in ends_in_one_sentence(process)
    server.restart()
    nothing_of_it(held)
    completes(held)
