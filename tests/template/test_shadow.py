"""The throwaway database that models are compared with: kept, swept, given by somebody else."""

import os
import signal
from urllib.parse import urlsplit

import pytest
from conftest import Bake
from project import BakedProject, rewrite
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
