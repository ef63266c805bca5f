"""The throwaway database that models are compared with: kept, swept, given by somebody else."""

import os
import re
import signal
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from project import Bake, BakedProject, rewrite
from test_deployments import finish, start, wait_until

COUNTED = """
def upgrade():
    with open("ran", "a") as file:
        file.write("x")


def downgrade():
    # safe: it has changed nothing
    pass
"""
# All kinds of things that a database of its own has to be rid of again.
LITTER = {
    "postgresql": """
    op.execute("CREATE TYPE mood AS ENUM ('glad')")
    op.execute("CREATE SCHEMA archive")
    op.execute("CREATE TABLE archive.moods (mood mood)")
    op.execute("CREATE VIEW moods AS SELECT * FROM archive.moods")
    op.execute("CREATE SEQUENCE numbers")
    op.execute("CREATE FUNCTION one() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    """,
    "mariadb": """
    op.execute("CREATE SEQUENCE numbers")
    op.execute("CREATE VIEW moods AS SELECT 1 AS mood")
    op.execute("CREATE FUNCTION one() RETURNS INT RETURN 1")
    op.execute("CREATE EVENT never ON SCHEDULE EVERY 1 YEAR DO SELECT 1")
    """,
}
LEFT = {
    "postgresql": "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL "
    "SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace UNION ALL "
    "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL "
    "SELECT nspname FROM pg_namespace WHERE nspname = 'archive'",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = database() UNION ALL "
    "SELECT routine_name FROM information_schema.routines WHERE routine_schema = database() UNION ALL "
    "SELECT event_name FROM information_schema.events WHERE event_schema = database()",
}
DATABASES = {
    "postgresql": "SELECT datname FROM pg_database",
    "mariadb": "SELECT schema_name FROM information_schema.schemata",
}


def engine(project: BakedProject) -> str:
    return urlsplit(project.url).scheme


def databases(project: BakedProject) -> set[str]:
    name = urlsplit(project.url).path[1:]
    return {found for (found,) in project.sql(DATABASES[engine(project)]) if found.startswith(name)}


def ran(project: BakedProject) -> int:
    return len((project.path / "ran").read_text())


def test_a_history_runs_once_and_what_is_new_on_top_of_it(anywhere: BakedProject) -> None:
    project = anywhere
    first = project.write_revision("first", COUNTED)
    for _ in range(2):
        assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
        assert ran(project) == 1
    second = project.write_revision("second", COUNTED)
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
    assert ran(project) == 2
    rewrite(second, second.read_text().replace('"x"', '"yy"'))
    project.flask("db", "new", "-m", "x")
    assert ran(project) == 4
    second.unlink()
    project.flask("db", "new", "-m", "x")
    assert ran(project) == 4
    rewrite(first, first.read_text().replace('"x"', '"zz"'))
    project.flask("db", "new", "-m", "x")
    assert ran(project) == 6


def test_only_a_few_are_kept(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    path = project.write_revision("first", COUNTED)
    for number in range(7):
        rewrite(path, path.read_text() + f"# {number}\n")
        project.flask("db", "new", "-m", "x")
    kept = list((project.path / "instance").glob("shadow/*"))
    if engine(project) == "postgresql":
        kept = [name for name in databases(project) if "_kept_" in name]
    assert len(kept) == 5


@pytest.mark.parametrize("engine", ["sqlite", "mariadb"])
def test_a_damaged_file_is_as_good_as_none(engine: str, on: Bake) -> None:
    project = on(engine)
    project.write_revision("first", COUNTED)
    project.flask("db", "new", "-m", "x")
    (kept,) = (project.path / "instance" / "shadow").iterdir()
    kept.write_bytes(b"CREATE TABLE users (id INT);\nnonsense")
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
    assert ran(project) == 2
    assert kept.read_bytes()[-8:] != b"nonsense"


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_what_a_killed_command_has_left_is_swept_away(engine: str, on: Bake) -> None:
    project = on(engine)
    project.make("db")
    own = databases(project)
    project.write_revision(
        "slow", '\ndef upgrade():\n    open("running", "w").close()\n    __import__("time").sleep(60)\n'
    )
    for end in (signal.SIGKILL, signal.SIGINT):
        running = start(project, "db", "new", "-m", "x")
        wait_until((project.path / "running").exists)
        (project.path / "running").unlink()
        there = {name for name in databases(project) - own if "_shadow_" in name}
        assert len(there) == 1, "the one in use, and none of those before it"
        os.kill(running.pid, end)
        ((_, out),) = finish([running])
    assert databases(project) == own, out


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_what_another_command_uses_stays(engine: str, on: Bake) -> None:
    project = on(engine)
    project.make("db")
    path = project.write_revision(
        "slow", '\ndef upgrade():\n    open("running", "w").close()\n    __import__("time").sleep(6)\n'
    )
    running = start(project, "db", "new", "-m", "x")
    wait_until((project.path / "running").exists)
    slow = path.rename(project.path / "slow")
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x").out
    slow.rename(path)
    assert running.poll() is None
    ((code, out),) = finish([running])
    assert code == 0 and "Nothing to migrate" in out, out


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_user_who_may_not_create_databases_names_one(engine: str, on: Bake) -> None:
    project = on(engine)
    project.make("db")
    name = urlsplit(project.url).path[1:]
    if engine == "postgresql":
        project.sql("CREATE ROLE humble LOGIN PASSWORD 'humble'")
        project.sql("CREATE DATABASE humble_shadow OWNER humble")
        project.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO humble")
    else:
        project.sql("CREATE USER humble@'127.0.0.1' IDENTIFIED BY 'humble'")
        project.sql("CREATE DATABASE humble_shadow")
        project.sql("SET GLOBAL log_bin_trust_function_creators = 1")
        for database in (name, "humble_shadow"):
            project.sql(f"GRANT ALL ON {database}.* TO humble@'127.0.0.1'")
    owner = project.url
    address = owner.rpartition("@")[2]
    project.env["DATABASE_URL"] = f"{engine}://humble:humble@{address}"
    given = project.url.replace(name, "humble_shadow")
    sentence = project.flask_fails("db", "new", "-m", "x")
    assert "SHADOW_DATABASE_URL" in sentence and "humble" in sentence

    litter = f"\ndef upgrade():\n{LITTER[engine]}\n\ndef downgrade():\n    raise NotImplementedError('no')\n"
    project.write_revision("litter", litter)
    for _ in range(2):
        out = project.flask("db", "new", "-m", "x", SHADOW_DATABASE_URL=given).out
        assert "Nothing to migrate" in out
        project.env["DATABASE_URL"], own = given, project.env["DATABASE_URL"]
        assert project.sql(LEFT[engine]) == []
        project.env["DATABASE_URL"] = own

    assert "ends in _shadow" in project.flask_fails("db", "new", "-m", "x", SHADOW_DATABASE_URL=project.url)
    other = "sqlite:///instance/x_shadow"
    assert "another engine" in project.flask_fails("db", "new", "-m", "x", SHADOW_DATABASE_URL=other)
    project.env["DATABASE_URL"] = owner
    assert project.sql("SELECT count(*) FROM users") != [(0,)]


# What two containers have in common: each one's process is pid 7 of a host of the same name.
IN_A_CONTAINER = """
import os, socket

os.getpid = lambda: 7
socket.gethostname = lambda: "app"
"""
# It says that it runs, and goes on as soon as it may.
WAITING = """
def upgrade():
    import os, time

    open(f"running.{os.environ['CONTAINER']}", "w").close()
    while not os.path.exists("go"):
        time.sleep(0.05)


def downgrade():
    # safe: it has changed nothing
    pass
"""


@pytest.fixture
def container(tmp_path: Path) -> dict[str, str]:
    folder = tmp_path / "container"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(IN_A_CONTAINER)
    return {"PYTHONPATH": str(folder)}


def shadows(project: BakedProject) -> set[str]:
    return {name for name in databases(project) if "_shadow_" in name}


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F03_two_containers_with_one_pid_prove_at_once(
    engine: str, on: Bake, container: dict[str, str]
) -> None:
    project = on(engine)
    project.make("db")
    project.write_revision("waiting", WAITING)
    running = []
    for number in ("1", "2"):
        running.append(start(project, "db", "new", "--prove", CONTAINER=number, **container))
        wait_until((project.path / f"running.{number}").exists)
    assert len(shadows(project)) == 2
    (project.path / "go").touch()
    ended = finish(running)
    assert [code for code, _ in ended] == [0, 0], ended
    assert shadows(project) == set()


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F03_a_sweeper_leaves_what_is_in_use_and_drops_what_a_killed_one_left(
    engine: str, on: Bake, container: dict[str, str]
) -> None:
    project = on(engine)
    project.make("db")
    path = project.write_revision("waiting", WAITING)
    killed, living = (start(project, "db", "new", "--prove", CONTAINER=n, **container) for n in "12")
    for number in "12":
        wait_until((project.path / f"running.{number}").exists)
    both = shadows(project)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert len(both) == 2 and shadows(project) == both
    # Not made by a proof, whatever their names look like.
    name = urlsplit(project.url).path[1:]
    for other in (foreign := [f"{name}_shadow_2024", f"{name}_kept_accounts"]):
        project.sql(f"CREATE DATABASE {other}")
    away = path.rename(project.path / "away")
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "x", **container).out
    away.rename(path)
    (left,) = shadows(project) - {foreign[0]}
    assert left in both and set(foreign) <= databases(project)
    (project.path / "go").touch()
    ((code, out),) = finish([living])
    assert code == 0, out
    assert shadows(project) == {foreign[0]}


# A lock is what says that it is in use: held before the database is there, respected by who does not get it.
LOCKED = """
import sys
from flask_safe_migrations.backends import shadow_databases
from {package} import create_app
from flask_safe_migrations.runtime import binds

shadow_databases.secrets.token_hex = lambda size: "ab" * size
with create_app().app_context():
    (database,) = binds.databases()
    create = type(database).create

    def created(self):
        if "_shadow_" in self.name:
            with database.connect_to_maintenance() as other:
                assert not shadow_databases.try_advisory_lock(self, other), "there before it was locked"
        create(self)

    type(database).create = created
    with database.shadow() as shadow:
        try:
            with database.shadow():
                sys.exit("two have one")
        except Exception as error:
            print(error)
        with shadow.connect():
            print("still there")
    type(database).create = create
    shadow_databases.secrets.token_hex = lambda size: "cd" * size
    orphan = database.with_name(shadow.name)
    orphan.create()  # as by one whose lock was lost
    with orphan.connect() as working:
        with database.shadow():
            assert orphan.exists(), "somebody is connected to it"
        assert working.exec_driver_sql("SELECT 1").scalar() == 1
    with database.shadow():
        assert not orphan.exists()
"""


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F03_whoever_does_not_get_the_lock_drops_nothing(engine: str, on: Bake) -> None:
    project = on(engine)
    project.make("db")
    code = LOCKED.replace("{package}", project.package)
    out = project.run(project.python, "-c", code, FLASK_DEBUG="1").out
    assert "in use by another command: nothing was changed, try again." in out and "still there" in out


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F03_databases_whose_long_names_begin_alike_are_created_again_at_once(engine: str, on: Bake) -> None:
    """The first 50 letters are the same: one built in the place of the other, and dropped it."""
    first, second = on(engine), on(engine)
    number = re.sub(r"\D", "", urlsplit(first.url).path)
    for project, end in ((first, "a"), (second, "b")):
        project.env["DATABASE_URL"] = first.url.rpartition("/")[0] + f"/s{number}_{'x' * 50}_{end}_dev"
        seeds = project.path / project.package / "seeds.py"
        wait = "open('seeding', 'w').close()\n    while not os.path.exists('go'):\n        time.sleep(0.05)"
        rewrite(seeds, seeds.read_text() + f"\n    import os, time\n\n    {wait}\n")
    running = []
    for project in (first, second):
        running.append(start(project, "db", "rebuild"))
        wait_until((project.path / "seeding").exists)
    for project in (first, second):
        (project.path / "go").touch()
    ended = finish(running)
    assert [code for code, _ in ended] == [0, 0], ended
    for project in (first, second):
        assert project.sql("SELECT count(*) FROM users") != [(0,)]
    there = [found for (found,) in first.sql(DATABASES[engine]) if found.startswith(f"s{number}_x")]
    assert len(there) == 2, there


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F03_two_containers_run_the_tests_at_once(engine: str, on: Bake, container: dict[str, str]) -> None:
    project = on(engine)
    name = f"{urlsplit(project.url).path[1:-4]}_{'ü' * 20}_dev"
    project.env["DATABASE_URL"] = project.url.rpartition("/")[0] + f"/{name}"
    names = (
        "from pathlib import Path; from flask_safe_migrations.testing import MigratedDatabases; "
        "from my_app import create_app\n"
        "with MigratedDatabases(create_app, Path('.')) as databases, databases.app() as app:\n"
        "    print(app.config['SQLALCHEMY_DATABASE_URI'].database)"
    )
    found = [project.run(project.python, "-c", names, FLASK_DEBUG="1", **container).out for _ in range(2)]
    last = [each.splitlines()[-1] for each in found]
    assert last[0] != last[1]
    assert all(each.endswith("_test") and len(each.encode()) <= 63 for each in last)
