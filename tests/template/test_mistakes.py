"""Bad input gets one sentence with the fix and a non-zero exit within ten seconds; nothing is lost."""

import os
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from project import Bake, BakedProject
from servers import HARD_PASSWORD, HARD_PASSWORD_IN_URL, Server, free_port

PASSWORD = "hunter2"


def fails_quickly(project: BakedProject, *arguments: str, **env: str) -> str:
    began = time.monotonic()
    sentence = project.flask_fails("db", *arguments, **env)
    assert time.monotonic() - began < 10
    assert PASSWORD not in sentence
    return sentence


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "mysql", "mariadb"])
@pytest.mark.parametrize("verb", ["upgrade", "status", "rebuild", "current", "check", "sql"])
def test_no_server_answers(project: BakedProject, scheme: str, verb: str) -> None:
    url = f"{scheme}://me:{PASSWORD}@127.0.0.1:{free_port()}/shop_dev"
    result = project.flask("db", verb, check=False, DATABASE_URL=url)
    assert result.returncode == 1 and "Traceback" not in result.out and PASSWORD not in result.out
    assert "does not answer" in result.out and "docker compose up" in result.out


def test_a_server_that_never_answers(project: BakedProject) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for scheme in ("postgresql", "mariadb"):
            fails_quickly(
                project, "upgrade", DATABASE_URL=f"{scheme}://me:{PASSWORD}@127.0.0.1:{port}/shop_dev"
            )


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_wrong_password_or_user(project: BakedProject, engine: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(engine)
    for login in (f"owner:{PASSWORD}", f"root:{PASSWORD}", f"nobody:{PASSWORD}"):
        sentence = fails_quickly(project, "upgrade", DATABASE_URL=server.url("shop_dev", login))
        assert "refuses the password" in sentence and "DATABASE_URL" in sentence


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_H63_a_password_with_every_special_character(
    project: BakedProject, engine: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    project.env["DATABASE_URL"] = server.url("hard_dev", f"hard:{HARD_PASSWORD_IN_URL}")
    for command in (
        project.flask("db", "upgrade"),
        project.alembic("upgrade", "head"),
        project.make("db"),
        project.make("status"),
        project.make("sql"),
    ):
        assert HARD_PASSWORD not in command.out and HARD_PASSWORD_IN_URL not in command.out
    assert project.sql("SELECT name FROM users") == [("Ada",)]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_both_schemes_mean_psycopg_3(project: BakedProject, scheme: str, postgresql: Server) -> None:
    url = postgresql.url("scheme_dev").replace("postgresql", scheme, 1)
    assert "postgresql+psycopg://" in project.flask("db", "status", DATABASE_URL=url).out


@pytest.mark.parametrize("scheme", ["mysql", "mariadb"])
def test_both_schemes_mean_pymysql(project: BakedProject, scheme: str, mariadb: Server) -> None:
    url = mariadb.url("scheme_dev").replace("mariadb", scheme, 1)
    assert f"{scheme}+pymysql://" in project.flask("db", "status", DATABASE_URL=url).out


@pytest.mark.parametrize(
    "url",
    ["nonsense", "foo://x/y", "sqlite:/missing-slashes", "postgresql://host:port/x", "://", "postgresql://h"],
)
def test_malformed_urls(project: BakedProject, url: str) -> None:
    assert "DATABASE_URL" in fails_quickly(project, "upgrade", DATABASE_URL=url)


def test_a_driver_that_is_missing(project: BakedProject, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['psycopg'] = None\n")
    url = "postgresql://me@localhost/shop_dev"
    assert "uv add" in fails_quickly(project, "upgrade", DATABASE_URL=url, PYTHONPATH=str(tmp_path))


def test_H18_a_database_in_memory(project: BakedProject) -> None:
    assert "in memory" in fails_quickly(project, "upgrade", DATABASE_URL="sqlite://")


def test_H18_a_folder_is_made_in_development_and_named_in_production(
    project: BakedProject, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/app.db"
    production = {"FLASK_DEBUG": "0", "SECRET_KEY": "9f6a1c8e7b"}
    assert "folder" in fails_quickly(project, "upgrade", DATABASE_URL=url, **production)
    assert not (tmp_path / "new").exists()
    project.flask("db", "upgrade", DATABASE_URL=url)
    assert (tmp_path / "new" / "folder" / "app.db").exists()


def test_a_file_that_is_no_database(project: BakedProject) -> None:
    (project.path / "instance").mkdir()
    (project.path / "instance" / "my_app.db").write_text("not a database, " * 100)
    assert "no SQLite database" in fails_quickly(project, "upgrade")


def test_an_unwritable_folder(project: BakedProject) -> None:
    """Not even root may make files in /proc."""
    url = f"sqlite:////proc/{os.getpid()}/nowhere/app.db"
    assert "writ" in fails_quickly(project, "upgrade", DATABASE_URL=url)


@pytest.mark.skipif(os.geteuid() != 0, reason="a mount needs root")
def test_a_read_only_file_and_folder(project: BakedProject, tmp_path: Path) -> None:
    """Root may write any file, so the folder is mounted read-only."""
    project.make("db")
    project.add_column()
    project.revise("phone")
    instance = project.path / "instance"
    for options in ("bind", "remount,bind,ro"):
        mounted = subprocess.run(["mount", "-o", options, instance, instance], capture_output=True)
        if mounted.returncode:
            pytest.skip(f"this machine does not let us mount: {mounted.stderr.decode()}")
    try:
        began = time.monotonic()
        out = project.flask("db", "upgrade", check=False).out
        assert time.monotonic() - began < 10 and "Traceback" not in out
        assert "may not be written" in out or "cannot be opened" in out
        assert project.revision == "3f1d9a62c0b7"
    finally:
        subprocess.run(["umount", instance], check=True)
    project.make("migrate")


def test_a_database_that_is_in_use(project: BakedProject) -> None:
    project.make("db")
    project.add_column()
    project.revise("phone")
    busy = sqlite3.connect(project.path / "instance" / "my_app.db", isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    out = project.flask("db", "upgrade", check=False, MIGRATION_LOCK_TIMEOUT="1").out
    assert "Waiting for another program" in out and "stop it (the development server, say)" in out
    busy.execute("COMMIT")
    project.make("migrate")


@pytest.mark.parametrize(
    ("code", "place"),
    [("def x(:\n", "broken.py:1"), ("\nimport nonsense\n", "broken.py:2"), ("x = 1 / 0\n", "broken.py:1")],
)
def test_a_model_module_with_an_error(project: BakedProject, code: str, place: str) -> None:
    (project.models / "broken.py").write_text(code)
    assert place in fails_quickly(project, "upgrade")
    assert place in project.fails(project.python.with_name("alembic"), "upgrade", "head", code=255)
    verbose = project.flask("db", "upgrade", "--verbose", check=False)
    assert verbose.returncode == 1 and "Traceback" in verbose.out and place in verbose.out.splitlines()[-1]


def test_verbose_shows_the_traceback(project: BakedProject) -> None:
    result = project.flask("db", "upgrade", "nosuch", "--verbose", check=False)
    assert result.returncode == 1 and "Traceback" in result.out
    assert "no revision nosuch" in result.out.splitlines()[-1]
    assert "no revision nosuch" in fails_quickly(project, "upgrade", "nosuch")


@pytest.mark.parametrize("verb", ["upgrade", "status", "current", "check", "sql", "downgrade"])
def test_H54_a_revision_that_this_branch_does_not_have(project: BakedProject, verb: str) -> None:
    project.make("db")
    project.sql("UPDATE alembic_version SET version_num = 'deadbeef'")
    result = project.flask("db", verb, check=False)
    assert result.returncode == 1 and "Traceback" not in result.out
    last = result.out.splitlines()[-1]
    assert "deadbeef" in last and "branch" in last and "make db" in last
    project.make("db")
    assert project.revision == "3f1d9a62c0b7"


# make db ------------------------------------------------------------------------------------------


def test_H72_make_db_refuses_anything_but_a_development_database(
    project: BakedProject, postgresql: Server, mariadb: Server, tmp_path: Path
) -> None:
    outside = f"sqlite:///{tmp_path}/outside.db"
    for url, name in (
        (outside, "outside.db"),
        (postgresql.url("shop"), "shop"),
        (mariadb.url("shop"), "shop"),
    ):
        here = BakedProject(project.path, env={"DATABASE_URL": url})
        here.flask("db", "upgrade")
        here.sql("INSERT INTO tags (name) VALUES ('precious')")
        for arguments in ([], ["--yes-destroy", "other"], ["--yes-destroy", name.upper()]):
            assert f"--yes-destroy {name}" in here.flask_fails("db", "rebuild", *arguments)
            assert here.sql("SELECT name FROM tags") == [("precious",)]
        here.flask("db", "rebuild", "--yes-destroy", name)
        assert ("precious",) not in here.sql("SELECT name FROM tags")


def test_H72_make_db_refuses_outside_development(project: BakedProject) -> None:
    project.make("db")
    project.sql("INSERT INTO tags (name) VALUES ('precious')")
    sentence = project.flask_fails("db", "rebuild", FLASK_DEBUG="0", SECRET_KEY="9f6a1c8e7b")
    assert "development" in sentence
    assert ("precious",) in project.sql("SELECT name FROM tags")


def test_H72_a_link_out_of_the_project_is_outside(project: BakedProject, tmp_path: Path) -> None:
    (project.path / "instance").mkdir()
    sqlite3.connect(tmp_path / "real.db").execute("CREATE TABLE precious (id)").connection.close()
    (project.path / "instance" / "my_app.db").symlink_to(tmp_path / "real.db")
    assert "outside the project" in project.flask_fails("db", "rebuild")


def test_make_db_takes_the_side_files_along(project: BakedProject) -> None:
    """A write-ahead log that stays behind would be taken for the new file's."""
    project.make("db")
    path = project.path / "instance" / "my_app.db"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("INSERT INTO tags (name) VALUES ('mine')")
    writer.commit()
    copies = {suffix: Path(f"{path}{suffix}").read_bytes() for suffix in ("-wal", "-shm")}
    writer.close()
    for suffix, content in copies.items():  # as a crash would leave them
        Path(f"{path}{suffix}").write_bytes(content)
    project.make("db")
    assert sorted(file.name for file in path.parent.iterdir()) == ["applied", "my_app.db", "secret_key"]
    assert project.sql("SELECT name FROM tags ORDER BY name") == [("admin",), ("beta",)]


# Settings -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["production.conf", "production.py"])
def test_D7_a_settings_file(project: BakedProject, tmp_path: Path, name: str) -> None:
    """Relative to the working directory, and stronger than the environment."""
    (tmp_path / name).write_text(
        f"DATABASE_URL = 'sqlite:///{tmp_path}/live.db'\nSECRET_KEY = '9f6a1c8e7b'\n"
    )
    manage = [project.python, project.path / "manage.py", "db", "upgrade"]
    for settings in (name, str(tmp_path / name)):
        environment = {"SETTINGS": settings, "DATABASE_URL": "sqlite:///wrong.db", "FLASK_DEBUG": "0"}
        project.run(*manage, cwd=tmp_path, **environment)
        assert (tmp_path / "live.db").exists()
        (tmp_path / "live.db").unlink()
    assert not (project.path / "wrong.db").exists()
    assert name in project.flask_fails("db", "upgrade", SETTINGS=f"missing/{name}")
    (tmp_path / name).write_text("this is not python")
    assert name in project.flask_fails("db", "upgrade", SETTINGS=str(tmp_path / name))


def test_dotenv_is_read_in_development(project: BakedProject, tmp_path: Path) -> None:
    (project.path / ".env").write_text("DATABASE_URL=sqlite:///instance/other.db\n")
    project.make("db")
    assert (project.path / "instance" / "other.db").exists()
    out = project.run(project.python, project.path / "manage.py", "db", "status", cwd=tmp_path).out
    assert "instance/other.db" in out
    project.alembic("current")
    assert not (project.path / "instance" / "my_app.db").exists()


@pytest.mark.parametrize("key", [None, "", "dev", "change-me"])
def test_production_stops_without_a_secret_key(project: BakedProject, key: str | None) -> None:
    environment = {"FLASK_DEBUG": "0"} | ({} if key is None else {"SECRET_KEY": key})
    assert "SECRET_KEY" in project.flask_fails("db", "upgrade", **environment)
    assert not (project.path / "instance").exists()
    (project.path / "instance").mkdir()
    project.flask("db", "upgrade", FLASK_DEBUG="0", SECRET_KEY="9f6a1c8e7b")


def test_development_makes_a_secret_key_up_and_keeps_it_out_of_version_control(bake: Bake) -> None:
    keys = set()
    for name in ("One", "Two"):
        project = bake(project_name=name, package_name="my_app")
        project.make("status")
        path = project.path / "instance" / "secret_key"
        assert path.stat().st_mode & 0o077 == 0
        keys.add(path.read_text())
        project.make("status")
        assert path.read_text() in keys
        assert "/instance/" in (project.path / ".gitignore").read_text().splitlines()
    assert len(keys) == 2
