"""A Galera cluster of three nodes: one of many processes migrates, whichever node each of them talks to."""

import re
import signal
import subprocess
import time
from collections.abc import Iterator

import galera
import pytest
from galera import Cluster, Node
from project import Bake, BakedProject
from test_deployments import REPLICAS, finish, start, wait_until

ROWS = [(1,), (2,), (3,)]
# Rows before, behind and between DDL; it stops in the middle until the file `go` is there.
GATE = """
def upgrade():
    import os, time

    op.execute("CREATE TABLE gate (n INT, id INT PRIMARY KEY AUTO_INCREMENT)")
    {before}
    open(f"running-{{os.getpid()}}", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.05)
    {behind}


def downgrade():
    op.drop_table("gate")
"""
INSERT = 'op.execute("INSERT INTO gate (n) VALUES ({})")'.format
ALTER = 'op.execute("ALTER TABLE gate ADD COLUMN extra INT")'


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with galera.cluster() as cluster:
        yield cluster


class Shop:
    """A project whose database does not exist yet, and processes of it that talk to one node each."""

    def __init__(self, project: BakedProject, cluster: Cluster) -> None:
        self.project, self.nodes = project, cluster.nodes
        self.name = f"galera_{time.monotonic_ns()}_dev"
        project.env["DATABASE_URL"] = self.nodes[0].url(self.name)

    def start(self, node: Node, **env: str) -> subprocess.Popen:
        return start(self.project, DATABASE_URL=node.url(self.name), **env)

    def sql(self, statement: str) -> list[tuple]:
        return self.nodes[0].sql(statement, self.name)

    def lease(self, seconds: int) -> None:
        self.project.env["MIGRATION_LEASE_SECONDS"] = str(seconds)

    def write_gate(self, before: str = INSERT(1), behind: str = f"{INSERT(2)}; {ALTER}; {INSERT(3)}") -> None:
        self.project.make("db")
        self.project.write_revision("gate", GATE.format(before=before, behind=behind))

    def start_and_run(self, node: Node) -> subprocess.Popen:
        """Return the process when it has come to the gate."""
        process = self.start(node)
        wait_until((self.project.path / f"running-{process.pid}").exists)
        return process

    def open_gate(self) -> None:
        (self.project.path / "go").touch()

    def is_complete(self) -> None:
        assert self.sql("SELECT n FROM gate ORDER BY n") == ROWS
        assert self.sql("SELECT version_num FROM alembic_version") == [("gate",)]
        assert self.sql("SELECT * FROM migration_lock") == []
        tables = {name for (name,) in self.sql("SHOW TABLES")}
        assert tables == {
            "alembic_version",
            "tags",
            "users",
            "user_tags",
            "gate",
            "migration_applied",
            "migration_lock",
        }


@pytest.fixture
def shop(bake: Bake, cluster: Cluster) -> Shop:
    cluster.restore()
    return Shop(bake(database="mariadb"), cluster)


def test_H49_processes_on_all_nodes_apply_each_revision_once(shop: Shop) -> None:
    """From a database that does not exist yet; the revisions write rows, so that a second run would show."""
    for number in range(3):
        body = f"def upgrade():\n    op.execute(\"INSERT INTO tags (name) VALUES ('tag {number}')\")\n"
        body += f'    op.create_table("t{number}", sa.Column("id", sa.Integer, primary_key=True))\n'
        shop.project.write_revision(f"step{number}", body)
    nodes = [shop.nodes[number % 3] for number in range(REPLICAS)]
    ended = finish([shop.start(node, MIGRATION_LOCK_TIMEOUT="200") for node in nodes])
    assert [code for code, _ in ended] == [0] * REPLICAS, [out for code, out in ended if code]
    everything = "".join(out for _, out in ended)
    for revision in ("3f1d9a62c0b7 (baseline)", "step0 (step0)", "step1 (step1)", "step2 (step2)"):
        assert (
            len(re.findall(rf"^  (?:\d/\d )?{re.escape(revision)}\n    [\d.]+ s$", everything, re.MULTILINE))
            == 1
        )
    assert everything.count("Nothing to do") == REPLICAS - 1
    for node in shop.nodes:
        assert node.sql("SELECT name FROM tags ORDER BY name", shop.name) == [(f"tag {n}",) for n in range(3)]
        assert node.sql("SELECT version_num FROM alembic_version", shop.name) == [("step2",)]


def test_H49_the_lease_is_renewed_for_as_long_as_it_takes_and_says_who_has_it(shop: Shop) -> None:
    shop.lease(3)
    shop.write_gate()
    first = shop.start_and_run(shop.nodes[0])
    impatient = shop.start(shop.nodes[1], MIGRATION_LOCK_TIMEOUT="0.5")
    patient = shop.start(shop.nodes[2])
    who = rf"the migration of \S+, pid {first.pid}, since 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    ((code, out),) = finish([impatient])
    assert code == 1 and "gave up after 0.5 s" in out and re.search(f"Waiting for {who} to be done", out), out
    wait_until(lambda: shop.sql("SELECT beat FROM migration_lock")[0][0] >= 7)  # more than two leases
    shop.open_gate()
    (first_code, first_out), (code, out) = finish([first, patient])
    assert first_code == code == 0, first_out + out
    assert re.search(f"Waiting for {who} to be done", out) and "the process that was waited for" in out
    shop.is_complete()


def test_H49_after_a_holder_that_was_killed_the_next_goes_on_when_the_lease_has_ended(shop: Shop) -> None:
    shop.lease(3)
    shop.write_gate()
    first = shop.start_and_run(shop.nodes[0])
    first.kill()
    first.wait()
    shop.open_gate()
    # Even who would wait for less than that: there is nobody alive to give way to.
    ((code, out),) = finish([shop.start(shop.nodes[1], MIGRATION_LOCK_TIMEOUT="0.5")])
    assert code == 0, out
    assert re.search(rf"for the lease of .*, pid {first.pid}, .* gone \(it ends within 3 s\)", out), out
    assert "Taking up gate where it stopped: 1 of its statements have run" in out
    shop.is_complete()


def stopped_by_the_loss(process: subprocess.Popen) -> None:
    ((code, out),) = finish([process])
    assert code == 1 and "Traceback" not in out, out
    (sentence,) = [line for line in out.splitlines() if line.startswith("Error")]
    assert "another one has taken over" in sentence and "nothing was changed by this one since" in sentence
    assert "Trying again" not in out


def test_H49_a_suspended_holder_that_wakes_up_does_no_harm(shop: Shop) -> None:
    shop.lease(3)
    shop.write_gate()
    first = shop.start_and_run(shop.nodes[0])
    first.send_signal(signal.SIGSTOP)
    try:
        shop.open_gate()
        ((code, out),) = finish([shop.start(shop.nodes[1])])
        assert code == 0, out
    finally:
        first.send_signal(signal.SIGCONT)
    stopped_by_the_loss(first)
    shop.is_complete()


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        ("pass", f"{ALTER}; {INSERT(1)}; {INSERT(2)}; {INSERT(3)}"),
        ("pass", f"{INSERT(1)}; {INSERT(2)}; {INSERT(3)}"),
        (f"{INSERT(1)}; {INSERT(2)}; {INSERT(3)}; {ALTER}", "pass"),
        (f"{INSERT(1)}; {INSERT(2)}; {INSERT(3)}", "pass"),
    ],
    ids=["DDL", "DML", "the version", "the version and rows"],
)
def test_H49_without_the_lease_nothing_is_committed(shop: Shop, before: str, behind: str) -> None:
    """The holder has no heartbeat and does not know of the loss: the cluster itself refuses its commit."""
    shop.lease(2)
    no_heartbeat = (
        "from flask_safe_migrations.backends.mysql.lock import Lease\n\nLease._beat = lambda _: None"
    )
    shop.project.edit("migrations/env.py", "\nif context", f"\n{no_heartbeat}\n\nif context")
    shop.write_gate(before, behind)
    first = shop.start_and_run(shop.nodes[0])
    second = shop.start_and_run(shop.nodes[1])
    shop.open_gate()
    (ended,) = finish([second])
    assert ended[0] == 0, ended
    stopped_by_the_loss(first)
    shop.is_complete()


def test_H49_the_node_of_the_holder_is_killed_and_the_others_finish(shop: Shop) -> None:
    shop.write_gate()
    first = shop.start_and_run(shop.nodes[2])
    beside = shop.start(shop.nodes[2], MIGRATION_LOCK_TIMEOUT="5")
    others = [shop.start(shop.nodes[number % 2]) for number in range(4)]
    shop.nodes[2].kill()
    shop.open_gate()
    (code, out), (beside_code, beside_out), *ended = finish([first, beside, *others])
    assert [code for code, _ in ended] == [0] * 4, ended
    assert code == beside_code == 1 and "Traceback" not in out + beside_out, out + beside_out
    assert "hung up" in out and "make status" in out
    assert len(re.findall(r"^  gate \(gate\)", "".join(out for _, out in ended), re.MULTILINE)) == 1
    shop.is_complete()


def test_H49_the_node_of_the_holder_is_cut_off_and_the_others_finish(shop: Shop) -> None:
    """It lives, but takes no part in the cluster any more; a process that comes to it waits for that."""
    node = shop.nodes[2]
    shop.lease(3)
    shop.write_gate()
    first = shop.start_and_run(node)
    node.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=1'")
    try:
        wait_until(lambda: node.status()["wsrep_ready"] == "OFF")
        shop.open_gate()
        impatient, *ended = finish([shop.start(node, MIGRATION_LOCK_TIMEOUT="0.5"), first])
        for code, out in (impatient, *ended):
            assert code == 1 and "takes no part in its cluster" in out and "Traceback" not in out, out
        patient = shop.start(node)
        ((code, out),) = finish([shop.start(shop.nodes[1])])
        assert code == 0, out
    finally:
        node.sql("SET GLOBAL wsrep_provider_options = 'gmcast.isolate=0'")
    ((code, out),) = finish([patient])
    assert code == 0 and "Nothing to do" in out, out
    shop.is_complete()


def test_a_schema_is_changed_on_all_nodes_whatever_one_of_them_is_set_to(shop: Shop) -> None:
    """Under RSU a node would keep its DDL to itself."""
    shop.write_gate()
    shop.open_gate()
    shop.nodes[1].sql("SET GLOBAL wsrep_OSU_method = 'RSU'")
    try:
        ((code, out),) = finish([shop.start(shop.nodes[1])])
    finally:
        shop.nodes[1].sql("SET GLOBAL wsrep_OSU_method = 'TOI'")
    assert code == 0, out
    shop.is_complete()


def test_the_table_of_the_lease_is_no_business_of_anybody(shop: Shop) -> None:
    project = shop.project
    project.make("db")
    assert shop.sql("SHOW TABLES LIKE 'migration_lock'")
    project.add_column()
    assert "migration_lock" not in project.revise("phone").read_text()
    project.make("migrate")
    assert "No new upgrade operations" in project.flask("db", "check").out
    project.make("backup")
    (dump,) = (project.path / "instance" / "backups").glob("*.sql")
    assert "migration_lock" not in dump.read_text() and "alembic_version" in dump.read_text()
    project.flask("db", "restore", "--yes")
    project.make("rollback")
    project.make("migrate")
    assert shop.sql("SELECT * FROM migration_lock") == []
