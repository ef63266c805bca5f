"""H45: the one DDL statement that was in flight when its process or server was killed, on MariaDB.

A transaction of somebody else's holds the statement up, so the moment of the kill is no matter of luck.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql
import pytest
import servers
from project import Bake, BakedProject
from servers import Server
from test_deployments import finish, start, wait_until

TABLES = """
def upgrade():
    op.execute("CREATE TABLE parents (id INT PRIMARY KEY AUTO_INCREMENT, n INT)")
    op.execute("CREATE TABLE children (id INT PRIMARY KEY, parent_id INT)")
    op.execute("CREATE TABLE fresh (id INT PRIMARY KEY AUTO_INCREMENT, n INT, extra INT)")
    op.execute("CREATE TABLE log (n INT)")
    op.execute("INSERT INTO parents (n) VALUES (1)")
    op.execute("INSERT INTO fresh (n) VALUES (2), (3)")
"""
# What is done twice, or not at all, shows in the definitions: the server makes up a new name for each.
STATEMENTS = {
    "swap": "RENAME TABLE parents TO parents_old, fresh TO parents",
    "index": "ALTER TABLE parents ADD INDEX (n)",
    "check": "ALTER TABLE parents ADD CHECK (n >= 0)",
    "foreign_key": "ALTER TABLE children ADD FOREIGN KEY (parent_id) REFERENCES parents (id)",
    "unseen": "ALTER TABLE parents AUTO_INCREMENT = 100",
    "trigger": "CREATE TRIGGER note AFTER INSERT ON parents FOR EACH ROW INSERT INTO log VALUES (NEW.n)",
    "dropped": "DROP TABLE children, parents",
}
WAITING = "SELECT id FROM information_schema.processlist WHERE state LIKE 'Waiting for table%%lock'"
IDLE = "SELECT 1 FROM information_schema.processlist WHERE id = {} AND command = 'Sleep'"
SLEEPING = "SELECT 1 FROM information_schema.processlist WHERE info = 'DO SLEEP(0.05)'"
# It waits for a lock without asking whether its client is still there.
GATE = """
CREATE FUNCTION gate() RETURNS INT NOT DETERMINISTIC READS SQL DATA
BEGIN
    WHILE IS_USED_LOCK('gate') IS NOT NULL DO
        DO SLEEP(0.05);
    END WHILE;
    RETURN 1;
END
"""


def revision(statement: str) -> str:
    """The statement between two rows, which are there once each in the end."""
    insert = 'op.execute("INSERT INTO log VALUES ({})")'.format
    return f'def upgrade():\n    {insert(1)}\n    op.execute("{statement}")\n    {insert(2)}\n'


def definitions(project: BakedProject) -> dict[str, str]:
    found = [name for (name,) in project.sql("SHOW TABLES") if not name.startswith("migration_")]
    shown = {name: project.sql(f"SHOW CREATE TABLE `{name}`")[0][1] for name in found}
    return shown | {"triggers": str(project.sql("SELECT trigger_name FROM information_schema.triggers"))}


@pytest.fixture
def family(bake: Bake) -> BakedProject:
    project = bake(database="mariadb", example_models=False)
    project.env["MIGRATION_STATEMENT_LOCK_TIMEOUT"] = "60"
    project.write_revision("family", TABLES)
    return project


def build(project: BakedProject, server: Server, name: str) -> dict[str, str]:
    """Run all revisions undisturbed on a database of this name; return what it is to look like."""
    project.env["DATABASE_URL"] = server.url(f"{name}_{time.monotonic_ns()}_dev")
    project.make("migrate")
    return definitions(project)


@contextmanager
def held_up(project: BakedProject, server: Server) -> Iterator[tuple]:
    """Start the migration, and yield it with the number of its connection when its statement waits."""
    name = project.url.rpartition("/")[2]
    with pymysql.connect(host="127.0.0.1", port=server.port, user="root", database=name) as holder:
        holder.cursor().execute("SELECT * FROM parents, children")
        process = start(project)
        wait_until(lambda: project.sql(WAITING))
        yield process, project.sql(WAITING)[0][0]


def kill(process) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()


def kill_both(project: BakedProject, process, connection: int) -> None:
    """The statement does not run."""
    kill(process)
    project.sql(f"KILL {connection}")
    wait_until(lambda: not project.sql(WAITING))


def is_complete(project: BakedProject, server: Server) -> None:
    """It is as if nothing had happened."""
    found = project.revision, project.sql("SELECT n FROM log"), definitions(project)
    expected = build(project, server, "undisturbed")
    assert found == (project.revision, project.sql("SELECT n FROM log"), expected)


@pytest.mark.parametrize("ran", [True, False], ids=["ran", "did not run"])
def test_H45_the_process_is_killed(family: BakedProject, mariadb: Server, ran: bool) -> None:
    project = family
    build(project, mariadb, "killed")
    for name, statement in STATEMENTS.items():
        project.write_revision(name, revision(statement))
        with held_up(project, mariadb) as (process, connection):
            if ran:
                process.send_signal(signal.SIGSTOP)
            else:
                kill_both(project, process, connection)
        if ran:
            wait_until(lambda: project.sql(IDLE.format(connection)))
            kill(process)
        out = project.make("migrate").out
        assert f"Taking up {name} where it stopped: 1 of its statements" in out
    is_complete(project, mariadb)


def test_H45_the_server_works_on_for_a_process_that_was_killed(family: BakedProject, mariadb: Server) -> None:
    """Then the next run waits until it is done."""
    project = family
    build(project, mariadb, "killed")
    project.sql(GATE)
    project.write_revision("changed", revision("CREATE TABLE two AS SELECT gate() AS n"))
    with pymysql.connect(host="127.0.0.1", port=mariadb.port, user="root") as holder:
        holder.cursor().execute("SELECT GET_LOCK('gate', 0)")
        first = start(project)
        wait_until(lambda: project.sql(SLEEPING))
        kill(first)
        second = start(project)
        assert second.stdout.readline() == "  changed (changed)\n"
        assert "Taking up changed where it stopped: 1 of its statements" in second.stdout.readline()
        assert "Waiting for connection " in second.stdout.readline()
    ((code, out),) = finish([second])
    assert code == 0, out
    assert project.sql("SELECT n FROM log") == [(1,), (2,)]
    assert project.sql("SELECT n FROM two") == [(1,)]


def test_H45_of_several_tables_some_are_dropped(family: BakedProject, mariadb: Server) -> None:
    """As a server that crashed leaves it: each DROP is atomic, all of them together are not."""
    project = family
    build(project, mariadb, "killed")
    project.write_revision("changed", revision(STATEMENTS["dropped"]))
    with held_up(project, mariadb) as (process, connection):
        kill_both(project, process, connection)
    project.sql("DROP TABLE children")
    project.make("migrate")
    is_complete(project, mariadb)


@pytest.mark.parametrize("ran", [True, False], ids=["ran", "did not run"])
def test_H45_what_nobody_can_tell(family: BakedProject, mariadb: Server, ran: bool) -> None:
    """Two tables of one definition have changed places, or not: somebody has to look."""
    project = family
    project.edit(project.versions[-1], ", extra INT", "")
    build(project, mariadb, "killed")
    swap = "RENAME TABLE parents TO aside, fresh TO parents, aside TO fresh"
    project.write_revision("changed", revision(swap))
    with held_up(project, mariadb) as (process, connection):
        kill_both(project, process, connection)
    if ran:
        project.sql(swap)
    before = definitions(project)
    out = project.flask("db", "upgrade", check=False).out
    assert f"cannot tell whether that ran: {swap}. Look for yourself" in out and "Traceback" not in out
    assert definitions(project) == before
    done = "UPDATE migration_journal SET done = 1" if ran else "DELETE FROM migration_journal"
    project.sql(f"{done} WHERE done = 0")
    project.make("migrate")
    assert project.sql("SELECT n FROM parents ORDER BY n") == [(2,), (3,)]
    is_complete(project, mariadb)


@pytest.mark.parametrize("ran", [True, False], ids=["ran", "did not run"])
def test_H45_the_server_is_killed(family: BakedProject, ran: bool) -> None:
    project = family
    with servers.mariadb(durable=True) as server:
        build(project, server, "killed")
        project.write_revision("changed", revision(STATEMENTS["index"]))
        with held_up(project, server) as (process, connection):
            if ran:
                process.send_signal(signal.SIGSTOP)
            else:
                server.kill()
        if ran:
            wait_until(lambda: project.sql(IDLE.format(connection)))
            server.kill()
            process.send_signal(signal.SIGCONT)
        ((code, out),) = finish([process])
        assert code == 1 and "Traceback" not in out, out
        server.restart()
        project.make("migrate")
        is_complete(project, server)
