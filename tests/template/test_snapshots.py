"""Snapshots: taken, kept, put back; and taken unasked before something is dropped."""

from pathlib import Path

import pytest
from project import Bake, BakedProject
from servers import Server


def snapshots(project: BakedProject) -> list[Path]:
    return sorted((project.path / "instance" / "backups").glob("*"))


def names(project: BakedProject) -> list[str]:
    return [name for (name,) in project.sql("SELECT name FROM tags ORDER BY name")]


def test_backup_and_restore(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.sql("INSERT INTO tags (name) VALUES ('it''s \"quoted\" ünï \\\\ 😀')")
    saved = names(project)
    out = project.make("backup").out
    (path,) = snapshots(project)
    assert str(path.relative_to(project.path)) in out and "3f1d9a62c0b7" in path.name
    assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0

    project.add_column()
    project.revise("phone")
    project.make("migrate")
    project.sql("DELETE FROM tags")
    out = project.make("restore", f"file={path.name}", "args=--yes").out
    assert path.name in out
    assert names(project) == saved and project.revision == "3f1d9a62c0b7"
    assert project.sql("SELECT count(*) FROM user_tags") == [(1,)]
    project.make("migrate")
    # What was there before is a snapshot as well: nothing is lost.
    project.flask("db", "restore", str(snapshots(project)[-1]), "--yes")
    assert names(project) == [] and project.sql("SELECT phone FROM users") == [(None,)]


def test_restore_asks_and_refuses(project: BakedProject, postgresql: Server) -> None:
    project.make("db")
    assert "make backup" in project.flask_fails("db", "restore", "--yes")
    project.make("backup")
    project.sql("DELETE FROM tags")
    for answer in ("n", ""):
        result = project.run("sh", "-c", f"echo {answer} | make restore", check=False)
        assert result.returncode and "Replace" in result.out and names(project) == []
    assert "no file nosuch" in project.flask_fails("db", "restore", "nosuch", "--yes")
    result = project.run("sh", "-c", "echo y | make restore")
    assert names(project) == ["admin", "beta"]

    live = BakedProject(project.path, env={"DATABASE_URL": postgresql.url("live")})
    live.make("migrate")
    live.make("backup")
    live.sql("INSERT INTO tags (name) VALUES ('precious')")
    assert "--yes-destroy live" in live.flask_fails("db", "restore", "--yes")
    assert names(live) == ["precious"]
    live.flask("db", "restore", "--yes-destroy", "live")
    assert names(live) == []


def test_a_damaged_snapshot_is_refused(anywhere: BakedProject) -> None:
    project = anywhere
    project.make("db")
    project.make("backup")
    (path,) = snapshots(project)
    path.write_bytes(b"damaged" * 1000)
    result = project.flask("db", "restore", "--yes", check=False)
    assert result.returncode == 1 and "Traceback" not in result.out and "nothing was changed" in result.out
    assert names(project) == ["admin", "beta"]


def test_the_newest_ten_are_kept(project: BakedProject) -> None:
    project.make("db")
    project.make("backup")
    (first,) = snapshots(project)
    for number in range(10):
        (first.parent / f"200{number}{first.name[4:]}").write_bytes(first.read_bytes())
    project.make("backup")
    kept = snapshots(project)
    assert len(kept) == 10 and kept[0].name.startswith("2002") and first in kept


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_missing_program_is_one_sentence(
    bake: Bake, engine: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    project = bake(database=engine)
    project.env["DATABASE_URL"] = request.getfixturevalue(engine).url("tools_dev")
    project.make("db")
    for verb in ("backup", "restore"):
        sentence = project.flask("db", verb, check=False, PATH=str(tmp_path)).out.splitlines()[-1]
        assert "is not installed" in sentence or "no snapshot" in sentence
    assert snapshots(project) == []


def test_no_password_in_the_process_list(
    bake: Bake, postgresql: Server, mariadb: Server, tmp_path: Path
) -> None:
    """The dump programs are replaced by one that writes down how it was called."""
    for server, program in ((postgresql, "pg_dump"), (mariadb, "mariadb-dump")):
        fake = tmp_path / program
        fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/{program}.called\n')
        fake.chmod(0o755)
        project = bake()
        project.env["DATABASE_URL"] = server.url("secret_dev", "hard:p%2540s%2525s%40w%2Fo%3Ar%23d%3F%26")
        project.make("db")
        project.flask("db", "backup", PATH=str(tmp_path))
        called = (tmp_path / f"{program}.called").read_text()
        assert "secret_dev" in called and "p%40s" not in called and "w/o" not in called


def test_a_snapshot_is_taken_unasked_before_something_is_dropped(project: BakedProject) -> None:
    project.make("db")
    project.add_column()
    project.revise("phone")
    assert "Snapshot" not in project.make("migrate").out
    project.sql("UPDATE users SET phone = '123'")
    out = project.make("rollback").out
    (path,) = snapshots(project)
    assert f"Snapshot: {path.relative_to(project.path)}" in out
    project.make("migrate")
    assert project.sql("SELECT phone FROM users") == [(None,)]
    project.flask("db", "restore", "--yes", path.name)
    assert project.sql("SELECT phone FROM users") == [("123",)]
