"""`kill -9` at a random moment: all rows are there, at one exact revision, and the next run completes.

KILLS says how many trials each engine gets; SQLite, whose are the quickest, gets twice as many.
"""

import itertools
import os
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable

import psycopg
import pytest
from conftest import Bake
from forking import forks
from project import BakedProject
from servers import Server

KILLS = int(os.environ.get("KILLS", "10"))
ROWS = 50_000

FAMILY = """
def upgrade():
    parents = op.create_table(
        "parents",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
        sa.Column("spare", sa.Integer),
    )
    op.create_table(
        "children",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("parent_id", sa.Integer, sa.ForeignKey("parents.id", name="fk_parent", ondelete="CASCADE")),
    )
    op.bulk_insert(parents, [{"id": n, "name": f"parent {n}", "spare": n} for n in range(1, ROWS + 1)])
    op.execute("INSERT INTO children (id, parent_id) SELECT id, id FROM parents")
""".replace("ROWS", str(ROWS))

# Rebuilds on SQLite, adds, moves data, drops.
PENDING = {
    "retyped": """
def upgrade():
    with op.batch_alter_table("parents") as batch:
        batch.alter_column("name", existing_type=sa.String(50), type_=sa.String(80))
        batch.create_unique_constraint("uq_parents_name", ["name"])
""",
    "moved": """
def upgrade():
    op.add_column("parents", sa.Column("moved", sa.Integer))
    op.execute("UPDATE parents SET moved = spare")
""",
    "dropped": """
def upgrade():
    with op.batch_alter_table("parents") as batch:
        batch.drop_column("spare")
""",
}
COLUMNS = {
    "family": {"id", "name", "spare"},
    "retyped": {"id", "name", "spare"},
    "moved": {"id", "name", "spare", "moved"},
    "dropped": {"id", "name", "moved"},
}


@pytest.fixture
def family(bake: Bake) -> BakedProject:
    project = bake(example_models=False)
    project.write_revision("family", FAMILY)
    return project


def run_trials(
    project: BakedProject,
    tables: str,
    columns: str,
    reset,
    check,
    look_half_way: Callable[[], bool] | None = None,
    trials: int = KILLS,
) -> None:
    stopped_at = []
    with forks(project) as children:
        reset()
        whole = children.completes("db", "upgrade")
        for trial in range(trials):
            reset()
            children.flask("db", "upgrade", kill_after=random.Random(trial).uniform(0.05, 1.0) * whole)
            if look_half_way:
                assert look_half_way()
            else:
                look(project, tables, columns)
            check()
            stopped_at.append(str(project.revision))
            children.completes("db", "upgrade")
            look(project, tables, columns)
            assert project.revision == "dropped"
    print(f"{trials} kills left the database at {dict(Counter(stopped_at))}")


def look(project: BakedProject, tables: str, columns: str) -> None:
    """All rows, their sums, exactly the columns of the stored revision, no temporary table."""
    spare = "moved" if project.revision == "dropped" else "spare"
    sums = project.sql(f"SELECT count(*), sum(id), sum({spare}), count(name) FROM parents")
    total = ROWS * (ROWS + 1) // 2
    assert sums == [(ROWS, total, total, ROWS)]
    assert project.sql("SELECT count(*), sum(parent_id) FROM children") == [(ROWS, total)]
    assert {name for (name,) in project.sql(columns)} == COLUMNS[project.revision]
    assert {name for (name,) in project.sql(tables)} == {
        "alembic_version",
        "migration_applied",
        "parents",
        "children",
    }


def test_kill_sqlite(family: BakedProject) -> None:
    project = family
    project.make("migrate")
    database = project.path / "instance" / "my_app.db"
    saved = project.path / "saved.db"
    shutil.copy(database, saved)
    for name, body in PENDING.items():
        project.write_revision(name, body)

    assert not list(database.parent.glob("my_app.db-*"))  # or the copy would lack what is in there
    modes = itertools.cycle(["wal", "delete"])  # as the application leaves the file, and as it is new

    def reset() -> None:
        for path in database.parent.glob("my_app.db*"):
            path.unlink()
        shutil.copy(saved, database)
        mode = next(modes)
        assert project.sql(f"PRAGMA journal_mode = {mode}") == [(mode,)]

    def check() -> None:
        assert project.sql("PRAGMA integrity_check") == [("ok",)]
        assert project.sql("PRAGMA foreign_key_check") == []
        assert project.revision in {"family", "dropped"}  # all of the run, or nothing

    run_trials(
        project,
        "SELECT name FROM sqlite_master WHERE type = 'table'",
        "SELECT name FROM pragma_table_info('parents')",
        reset,
        check,
        trials=2 * KILLS,
    )


def test_kill_postgresql(family: BakedProject, postgresql: Server) -> None:
    project = family
    saved = f"kill_{time.monotonic_ns()}"
    project.env["DATABASE_URL"] = postgresql.url(saved)
    project.make("migrate")
    project.env["DATABASE_URL"] = postgresql.url(f"{saved}_dev")
    for name, body in PENDING.items():
        project.write_revision(name, body)

    def reset() -> None:
        with psycopg.connect(postgresql.url("postgres"), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {saved}_dev WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {saved}_dev TEMPLATE {saved}")

    run_trials(
        project,
        "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
        "SELECT column_name FROM information_schema.columns WHERE table_name = 'parents'",
        reset,
        lambda: None,
    )
