"""Snapshots: taken, kept, put back; and taken unasked before something is dropped."""

import shutil
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


FOREIGN = "--from-another-database"


def beside(project: BakedProject, path: str) -> BakedProject:
    """The SQLite file of a bind, for its rows."""
    return BakedProject(project.path, env={"DATABASE_URL": f"sqlite:///{project.path}/{path}"})


@pytest.fixture
def app_and_log(project: BakedProject) -> BakedProject:
    """The name of the default database ends the names of both others; one has the same name elsewhere."""
    project.env["DATABASE_URL"] = f"sqlite:///{project.path}/instance/app.db"
    log, other = "sqlite:///instance/log_app.db", "sqlite:///instance/other/app.db"
    project.env["SQLALCHEMY_BINDS"] = f'{{"log": "{log}", "other": "{other}"}}'
    project.make("db")
    return project


def of(project: BakedProject, name: str) -> Path:
    """Back up one database; return the new snapshot."""
    before = snapshots(project)
    project.flask("db", "backup", "--bind", name)
    (new,) = set(snapshots(project)) - set(before)
    return new


def test_F02_a_snapshot_belongs_to_one_database(app_and_log: BakedProject) -> None:
    project = app_and_log
    for name in ("default", "log", "other"):
        path = of(project, name)
        for another in {"default", "log", "other"} - {name}:
            sentence = project.flask_fails("db", "restore", "--bind", another, path.name, "--yes")
            assert f"is a snapshot of the database {name}, not of" in sentence and FOREIGN in sentence
    # The log's snapshot is newer than that of the default database, and so is the other's.
    project.sql("DELETE FROM tags")
    project.flask("db", "restore", "--bind", "default", "--yes")
    assert names(project) == ["admin", "beta"]
    # Without --bind its name says whose it is.
    beside(project, "instance/log_app.db").sql("DELETE FROM alembic_version")
    out = project.flask(
        "db", "restore", "--yes", next(p.name for p in snapshots(project) if "log" in p.name)
    ).out
    assert "log_app.db is what" in out and beside(project, "instance/log_app.db").revision


def test_F02_each_database_keeps_its_newest_ten(app_and_log: BakedProject) -> None:
    project = app_and_log
    kept = [of(project, "log"), of(project, "other")]
    left = kept[0].with_name(f".{kept[0].name}.1")  # of a backup that was killed
    left.touch()
    first = of(project, "default")
    for number in range(10):
        (first.parent / f"200{number}{first.name[4:]}").write_bytes(first.read_bytes())
    project.flask("db", "backup", "--bind", "default")
    assert {*kept, left} <= set(snapshots(project)) and len(snapshots(project)) == 10 + 3


def test_F02_another_databases_snapshot_is_put_back_on_purpose(project: BakedProject, tmp_path: Path) -> None:
    """A copy of production in development, and a snapshot of the project in another folder."""
    production = BakedProject(project.path, env={"DATABASE_URL": f"sqlite:///{tmp_path}/live/my_app.db"})
    (tmp_path / "live").mkdir()
    production.flask("db", "upgrade")
    production.sql("INSERT INTO tags (name) VALUES ('live')")
    production.make("backup")
    (path,) = snapshots(project)
    copy = tmp_path / path.name
    path.rename(copy)
    project.make("db")
    sentence = project.flask_fails("db", "restore", str(copy), "--yes")
    assert "is a snapshot of another database" in sentence and FOREIGN in sentence
    assert names(project) == ["admin", "beta"]
    project.make("restore", f"file={copy}", f"args=--yes {FOREIGN}")
    assert "live" in names(project)
    # Whoever renames a file knows what it is.
    copy.rename(tmp_path / "production.sqlite")
    project.sql("DELETE FROM tags")
    project.make("restore", f"file={tmp_path}/production.sqlite", "args=--yes")
    assert "live" in names(project)


def test_F02_older_names(app_and_log: BakedProject) -> None:
    """They ended in the name of the database."""
    project = app_and_log
    folder = project.path / "instance" / "backups"
    for name, file in (("default", "app.db"), ("log", "log_app.db")):
        of(project, name).rename(folder / f"20250101T000000.000000Z_3f1d9a62c0b7_{file}.sqlite")
    default, log = snapshots(project)
    assert "older release" in project.flask_fails("db", "restore", "--yes")
    sentence = project.flask_fails("db", "restore", "--bind", "default", log.name, "--yes")
    assert "is a snapshot of the database log" in sentence
    assert "log_app.db is what" in project.flask("db", "restore", log.name, "--yes").out
    # Two have this name, in other folders.
    sentence = project.flask_fails("db", "restore", default.name, "--yes")
    assert "may be a snapshot of default, other: say which" in sentence
    project.sql("DELETE FROM tags")
    project.flask("db", "restore", "--bind", "default", default.name, "--yes")
    assert names(project) == ["admin", "beta"]
    stranger = default.rename(folder / "20250101T000000.000000Z_empty_shop.sqlite")
    sentence = project.flask_fails("db", "restore", stranger.name, "--yes")
    assert "is a snapshot of none of default, log, other" in sentence and FOREIGN in sentence
    renamed = shutil.copy(stranger, folder / "production.sqlite")
    for arguments in ((stranger.name, FOREIGN), (renamed.name,)):
        sentence = project.flask_fails("db", "restore", *arguments, "--yes")
        assert "can be restored into default, log, other: say which with --bind" in sentence
        project.sql("DELETE FROM tags")
        project.flask("db", "restore", *arguments, "--yes", "--bind", "default")
        assert names(project) == ["admin", "beta"]


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F02_two_servers(on: Bake, engine: str) -> None:
    """Of the same database name; the same server under two names is one."""
    project = on(engine)
    project.make("db")
    project.make("backup")
    (path,) = snapshots(project)
    project.make("restore", "args=--yes", DATABASE_URL=project.url.replace("127.0.0.1", "LocalHost"))
    path.rename(path.with_name(path.name.replace(path.name.split(".")[-2], "0123456789ab")))
    for other in snapshots(project)[1:]:
        other.unlink()
    assert "no snapshot" in project.flask_fails("db", "restore", "--yes")
    (path,) = snapshots(project)
    assert FOREIGN in project.flask_fails("db", "restore", path.name, "--yes")
    project.flask("db", "restore", path.name, "--yes", FOREIGN)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F02_names_with_odd_characters(on: Bake, engine: str) -> None:
    project = on(engine)
    kept = []
    for name in ("a*b_dev", "a/b_dev", "a[b]_dev", "ü" * 25 + "_dev"):
        quoted = name.replace("/", "%2F").replace("[", "%5B").replace("]", "%5D")
        odd = BakedProject(project.path, env={"DATABASE_URL": project.url.rpartition("/")[0] + f"/{quoted}"})
        odd.make("db")
        before = snapshots(project)
        odd.make("backup")
        (new,) = set(snapshots(project)) - set(before)
        assert new.name.isascii() and len(new.name) < 150
        for other in kept:
            assert FOREIGN in odd.flask_fails("db", "restore", other, "--yes")
        kept.append(new.name)
    assert len({name.split(".")[-2] for name in kept}) == 4
