"""`kill -9` of `make db` and of a restore: there is a complete database, the old one or the new one.

At each point at which something changes, and at random moments (KILLS, see kills.py).
"""

import time
from collections import Counter
from collections.abc import Iterable

from kills import KILLS, at_each_point, at_random
from project import BakedProject, rewrite
from test_deployments import finish, start, wait_until
from test_snapshots import snapshots

ROWS = 200

WAIT = """
    import os, time

    open("seeding", "w").close()
    while os.path.exists("wait"):
        time.sleep(0.05)
"""


def fill(project: BakedProject) -> None:
    """What the old database has, in tables that refer to each other."""
    many = ", ".join(f"({n}, 'user{n}@example.org', 'user {n}')" for n in range(1000, 1000 + ROWS))
    project.sql("INSERT INTO tags (id, name) VALUES (1000, 'mine')")
    project.sql(f"INSERT INTO users (id, email, name) VALUES {many}")
    project.sql("INSERT INTO user_tags (user_id, tag_id) SELECT id, 1000 FROM users WHERE id >= 1000")


def look(project: BakedProject) -> str:
    """Which database this is; all of it has to be there."""
    counted = tuple(
        project.sql(f"SELECT count(*) FROM {table}")[0][0] for table in ("tags", "users", "user_tags")
    )
    assert counted in {(3, ROWS + 1, ROWS + 1), (2, 1, 1)}
    assert project.revision == "3f1d9a62c0b7"
    return "new" if counted == (2, 1, 1) else "old"


def leftovers(project: BakedProject) -> list[str]:
    if project.url.startswith("sqlite"):
        return sorted(file.name for file in (project.path / "instance").glob("my_app.db.*"))
    name = project.url.rpartition("/")[2]
    query = "SELECT datname FROM pg_database" if "postgresql" in project.url else "SHOW DATABASES"
    return sorted(found for (found,) in project.sql(query) if found.startswith(name) and found != name)


def sweep(project: BakedProject) -> None:
    """Remove what a killed process has left behind, as the next command does."""
    for name in leftovers(project):
        if project.url.startswith("sqlite"):
            (project.path / "instance" / name).unlink()
        else:
            project.sql(f"DROP DATABASE {name}{' WITH (FORCE)' if 'postgresql' in project.url else ''}")


def run_trials(project: BakedProject, kills: Iterable, command: tuple[str, ...]) -> list:
    """The next command has to succeed after each kind of point, and after each point from the swap on."""
    seen, kinds = [], set()
    for each in kills:
        seen.append(look(project))
        kind = " ".join(str(each).split()[:2])
        if kind in kinds and seen[-1] == "old":
            sweep(project)
            continue
        kinds.add(kind)
        assert "Pending   nothing" in project.flask("db", "status").out
        project.flask(*command)
        assert look(project) == "new"
        assert leftovers(project) == []
    print(f"{len(seen)} kills of {' '.join(command)}: the database was {dict(Counter(seen))}")
    return seen


def run_all_trials(project: BakedProject, *command: str) -> None:
    def reset() -> None:
        if look(project) == "new":
            fill(project)

    seen = run_trials(project, at_each_point(project, *command, reset=reset), command)
    swapped = seen.index("new")
    assert swapped > 5 and set(seen[:swapped]) == {"old"} and set(seen[swapped:]) == {"new"}
    project.flask(*command)
    kills = at_random(
        # half of them near its end, where one takes the other's place
        project,
        *command,
        reset=reset,
        trials=max(1, KILLS // 10),
        earliest=lambda n: 0.75 if n % 2 else 0.2,
    )
    run_trials(project, kills, command)


def test_make_db_is_killed(anywhere: BakedProject) -> None:
    anywhere.make("db")
    run_all_trials(anywhere, "db", "rebuild")


def test_a_restore_is_killed(anywhere: BakedProject) -> None:
    anywhere.make("db")
    anywhere.make("backup")
    (path,) = snapshots(anywhere)
    saved = path.rename(anywhere.path / path.name)  # older ones are removed in the course of this
    run_all_trials(anywhere, "db", "restore", "--yes", str(saved))
    assert not list(path.parent.glob(".*"))


def test_the_first_make_db_is_killed(anywhere: BakedProject) -> None:
    """There is no old database yet: what is there is none, or a whole one."""
    project = anywhere
    process = start(project, "db", "rebuild")
    time.sleep(0.15)  # of what takes 0.3 s or more
    process.kill()
    process.wait()
    project.make("db")
    assert look(project) == "new"
    if leftovers(project):  # the server was still creating a database for the killed process, with its lock
        project.flask("db", "rebuild")
    assert leftovers(project) == []


def test_two_that_make_the_database_at_once(anywhere: BakedProject) -> None:
    """They build in one place, so the second waits; a process that was killed keeps nobody waiting."""
    project = anywhere
    project.make("db")
    seeds = project.path / project.package / "seeds.py"
    rewrite(seeds, seeds.read_text() + WAIT)
    (project.path / "wait").touch()
    first = start(project, "db", "rebuild")
    wait_until((project.path / "seeding").exists)
    impatient = start(project, "db", "rebuild", MIGRATION_LOCK_TIMEOUT="0.5")
    ((code, out),) = finish([impatient])
    assert code == 1 and "gave up after 0.5 s, nothing was changed" in out and "Traceback" not in out
    killed, second = (start(project, "db", "rebuild") for _ in range(2))
    for process in (killed, second):
        assert "Rebuilding" in process.stdout.readline() and "Waiting for" in process.stdout.readline()
    killed.kill()
    killed.wait()
    (project.path / "wait").unlink()
    ended = finish([first, second])
    assert [code for code, _ in ended] == [0, 0], ended
    assert look(project) == "new" and leftovers(project) == []
