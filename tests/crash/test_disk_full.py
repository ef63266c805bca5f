"""No room left on the disk: one sentence, nothing has changed, nothing half-written stays behind."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import servers
from project import Bake, BakedProject

BIG = """
def upgrade():
    op.execute("CREATE TABLE big (x TEXT)")
    op.execute("{insert}")


def downgrade():
    op.drop_table("big")
"""
NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})"
INSERT = {
    "sqlite": f"INSERT INTO big {NUMBERS} SELECT zeroblob(1000) FROM n",
    "postgresql": "INSERT INTO big SELECT md5(i::text) FROM generate_series(1, {rows}) i",
    "mariadb": "INSERT INTO big SELECT md5(seq) FROM seq_1_to_{rows}",
}


@contextmanager
def small_disk(path: Path, megabytes: int) -> Iterator[None]:
    """Mount a file system of this size at `path`."""
    path.mkdir(exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("a mount needs root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path]
    mounted = subprocess.run(mount, capture_output=True, text=True)
    if mounted.returncode:
        servers.lacking(f"this machine does not let root mount: {mounted.stderr}")
    try:
        yield
    finally:
        subprocess.run(["umount", path], check=True)


def fill(disk: Path, kilobytes: int) -> None:
    """Leave so much room."""
    with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(1024))
    os.truncate(disk / "filler", max(0, (disk / "filler").stat().st_size - kilobytes * 1024))


def free(disk: Path) -> None:
    (disk / "filler").unlink()


def content(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return list(connection.iterdump())


def left_behind(instance: Path) -> list[str]:
    """What is neither the database, nor a whole snapshot, nor the copy of a revision."""
    known = r"my_app\.db|secret_key|filler|backups|applied|\w+-\w{16}\.py"
    known += r"|\d{8}T[\d.]+Z_3f1d9a62c0b7_.+\.(sqlite|dump|sql)"
    return [str(path) for path in instance.rglob("*") if not re.fullmatch(known, path.name)]


def with_revision(bake: Bake, mode: str) -> BakedProject:
    """Drops a column, so that a snapshot is taken unasked, and fills a table with 400 kB."""
    project = bake()
    project.make("db")
    project.sql(f"PRAGMA journal_mode = {mode}")
    body = BIG.format(insert=INSERT["sqlite"].format(rows=400))
    drop = (
        '    op.add_column("users", sa.Column("spare", sa.Integer))\n    op.drop_column("users", "spare")\n'
    )
    project.write_revision("big", body.replace("\n\n\ndef down", f"\n{drop}\n\ndef down"))
    return project


VERBS = ("upgrade", "rebuild", "backup", "restore")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_sqlite_on_a_full_disk(bake: Bake, mode: str, verb: str) -> None:
    project = with_revision(bake, mode)
    saved, snapshot = project.path / "saved.db", project.path / "snapshot.sqlite"
    instance = project.path / "instance"
    database = instance / "my_app.db"
    shutil.copy(database, saved)
    shutil.copy(database, snapshot)
    before = content(saved)
    arguments = [str(snapshot), "--yes"] if verb == "restore" else []
    key = (instance / "secret_key").read_text()
    outcomes = []
    with small_disk(instance, 2):
        (instance / "secret_key").write_text(key)
        for kilobytes in (0, 12, 60, 160, 1800):
            for path in instance.rglob("my_app.db*"):
                path.unlink()
            shutil.copy(saved, database)
            shutil.rmtree(instance / "backups", ignore_errors=True)
            fill(instance, kilobytes)
            result = project.flask("db", verb, *arguments, check=False)
            free(instance)
            outcomes.append(result.returncode)
            if result.returncode:
                check_sentence(result.out)
                assert content(database) == before
                assert left_behind(instance) == []
                for whole in instance.glob("backups/*"):
                    assert content(whole) == before
            else:
                assert project.sql("PRAGMA integrity_check") == [("ok",)]
    assert outcomes[0] == 1 and outcomes[-1] == 0, outcomes
    assert outcomes == sorted(outcomes, reverse=True)


@pytest.mark.parametrize("verb", VERBS)
def test_sqlite_where_files_may_not_grow(bake: Bake, verb: str) -> None:
    """A quota, or a file system with a limit: SQLite calls that an I/O error."""
    project = with_revision(bake, "delete")
    instance = project.path / "instance"
    shutil.copy(instance / "my_app.db", project.path / "snapshot.sqlite")
    before = content(instance / "my_app.db")
    arguments = [project.path / "snapshot.sqlite", "--yes"] if verb == "restore" else []
    limited = ["bash", "-c", 'ulimit -f 30; exec "$@"', "bash"]
    result = project.run(*limited, project.python, "-m", "flask", "db", verb, *arguments, check=False)
    assert result.returncode == 1, result.out
    check_sentence(result.out)
    assert content(instance / "my_app.db") == before and left_behind(instance) == []
    project.flask("db", verb, *map(str, arguments))


def check_sentence(out: str) -> None:
    assert "Traceback" not in out, out
    last = out.splitlines()[-1]
    assert last.startswith("Error: ") and ("no room left" in last or "disk is full" in last), out
    assert out.count("Error") == 1, out


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_the_disk_of_the_server_is_full(bake: Bake, engine: str) -> None:
    """Its log has room elsewhere; without, the server crashes: see test_server_crash.py."""
    with servers.folder() as home, small_disk(home / "disk", 300):
        disk = home / "disk"
        (home / "log").mkdir()
        for path in (home / "log", disk):
            shutil.chown(path, "nobody", "nogroup")
        with getattr(servers, engine)(True, disk / "data", log=home / "log") as server:
            project = bake(database=engine)
            project.env["DATABASE_URL"] = server.url("full_dev")
            project.make("db")
            project.write_revision("big", BIG.format(insert=INSERT[engine].format(rows=400_000)))
            fill(disk, 8_000)
            sentence = project.flask_fails("db", "upgrade")
            assert "no room left" in sentence and "free some" in sentence
            assert project.revision == "3f1d9a62c0b7"
            free(disk)
            project.flask("db", "upgrade")
            assert project.sql("SELECT count(*) FROM big") == [(400_000,)]
            assert project.revision == "big"


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_no_room_for_the_snapshot_of_a_server(
    bake: Bake, engine: str, request: pytest.FixtureRequest
) -> None:
    project = bake(database=engine)
    project.env["DATABASE_URL"] = request.getfixturevalue(engine).url("snapshot_dev")
    project.make("db")
    project.sql("CREATE TABLE big (x VARCHAR(40))")
    project.sql(INSERT[engine].format(rows=10_000))
    instance = project.path / "instance"
    key = (instance / "secret_key").read_text()
    with small_disk(instance, 1):
        (instance / "secret_key").write_text(key)
        for kilobytes in (0, 40):
            fill(instance, kilobytes)
            assert "failed, nothing was changed" in project.flask_fails("db", "backup")
            assert left_behind(instance) == []
            free(instance)
        project.make("backup")
