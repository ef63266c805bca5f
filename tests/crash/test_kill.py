"""`kill -9`: all rows are there, at one exact revision, and the next run completes.

At each point at which something changes, and at random moments (KILLS, see kills.py).
"""

import itertools
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable

import psycopg
import pymysql
import pytest
from kills import KILLS, at_each_point, at_random
from project import ENGINES, Bake, BakedProject

ROWS = int(os.environ.get("KILLED_ROWS", "50000"))
FEW = 500  # where the moment does not depend on how long a statement takes

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
"""

# Rebuilds on SQLite, adds, moves data, drops.
PENDING = {
    "retyped": """
def upgrade():
    with op.batch_alter_table("parents") as batch:
        batch.alter_column("name", existing_type=sa.String(50), type_=sa.String(80))
        batch.create_unique_constraint("uq_parents_name", ["name"])


def downgrade():
    with op.batch_alter_table("parents") as batch:
        batch.drop_constraint("uq_parents_name", type_="unique")
        batch.alter_column("name", existing_type=sa.String(80), type_=sa.String(50))
""",
    "moved": """
def upgrade():
    op.add_column("parents", sa.Column("moved", sa.Integer))
    op.execute("UPDATE parents SET moved = spare")


def downgrade():
    with op.batch_alter_table("parents") as batch:
        batch.drop_column("moved")
""",
    "dropped": """
def upgrade():
    with op.batch_alter_table("parents") as batch:
        batch.drop_column("spare")


def downgrade():
    op.add_column("parents", sa.Column("spare", sa.Integer))
    op.execute("UPDATE parents SET spare = moved")
""",
}
COLUMNS = {
    "family": {"id", "name", "spare"},
    "retyped": {"id", "name", "spare"},
    "moved": {"id", "name", "spare", "moved"},
    "dropped": {"id", "name", "moved"},
}
TABLES = {
    "sqlite": "SELECT name FROM sqlite_master WHERE type = 'table'",
    "postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    "mariadb": "SELECT table_name FROM information_schema.tables WHERE table_schema = database()",
}
COLUMNS_OF_PARENTS = {
    "sqlite": "SELECT name FROM pragma_table_info('parents')",
    "postgresql": "SELECT column_name FROM information_schema.columns WHERE table_name = 'parents'",
    "mariadb": "SELECT column_name FROM information_schema.columns "
    "WHERE table_schema = database() AND table_name = 'parents'",
}


def family(rows: int = ROWS) -> str:
    return FAMILY.replace("ROWS", str(rows))


def sums(rows: int) -> list[tuple]:
    return [(rows, rows * (rows + 1) // 2)]


def look(project: BakedProject, rows: int = ROWS) -> None:
    """All rows, their sums, exactly the columns of the stored revision, no temporary table."""
    engine = project.url.partition(":")[0]
    spare = "moved" if project.revision == "dropped" else "spare"
    found = project.sql(f"SELECT count(*), sum(id), sum({spare}), count(name) FROM parents")
    total = rows * (rows + 1) // 2
    assert found == [(rows, total, total, rows)]
    assert project.sql("SELECT count(*), sum(parent_id) FROM children") == [(rows, total)]
    assert {name for (name,) in project.sql(COLUMNS_OF_PARENTS[engine])} == COLUMNS[project.revision]
    assert {name for (name,) in project.sql(TABLES[engine])} == {
        "alembic_version",
        "migration_applied",
        "parents",
        "children",
    }


def look_half_way(project: BakedProject, rows: int) -> None:
    """After a kill: all or nothing of the run on SQLite, one revision on PostgreSQL; all rows on each."""
    if project.url.startswith("mariadb"):
        assert project.sql("SELECT count(*), sum(id) FROM parents") == sums(rows)
        assert project.sql("SELECT count(*), sum(parent_id) FROM children") == sums(rows)
        return
    look(project, rows)
    if project.url.startswith("sqlite"):
        assert project.sql("PRAGMA integrity_check") == [("ok",)]
        assert project.sql("PRAGMA foreign_key_check") == []
        assert project.revision in {"family", "dropped"}


class Saved:
    """A database that is put back before each trial."""

    def __init__(self, project: BakedProject) -> None:
        self.project = project
        self.modes = itertools.cycle(
            ["wal", "delete"]
        )  # as the application leaves the file, and as it is new
        self.url, _, self.name = project.url.rpartition("/")
        if project.url.startswith("sqlite"):
            self.file = project.path / "instance" / self.name
            assert not list(self.file.parent.glob(f"{self.name}-*"))  # the copy would lack them
            shutil.copy(self.file, project.path / "saved.db")
        else:
            project.env["DATABASE_URL"] = f"{self.url}/{self.name}_dev"

    def put_back(self) -> None:
        getattr(self, f"_{self.url.partition(':')[0]}")()

    def _sqlite(self) -> None:
        for path in self.file.parent.glob(f"{self.name}*"):
            path.unlink()
        shutil.copy(self.project.path / "saved.db", self.file)
        mode = next(self.modes)
        assert self.project.sql(f"PRAGMA journal_mode = {mode}") == [(mode,)]

    def _postgresql(self) -> None:
        with psycopg.connect(f"{self.url}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {self.name}_dev WITH (FORCE)")
            connection.execute(f"CREATE DATABASE {self.name}_dev TEMPLATE {self.name}")

    def _mariadb(self) -> None:
        port = int(self.url.rpartition(":")[2])
        with pymysql.connect(host="127.0.0.1", port=port, user="root", autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(f"DROP DATABASE IF EXISTS {self.name}_dev")
            cursor.execute(f"CREATE DATABASE {self.name}_dev")
            cursor.execute("SET SESSION foreign_key_checks = 0")  # else the rows would be copied once more
            cursor.execute(f"SHOW TABLES FROM {self.name}")
            tables = [name for (name,) in cursor.fetchall()]
            for table in tables:
                cursor.execute(f"CREATE TABLE {self.name}_dev.{table} LIKE {self.name}.{table}")
            cursor.execute(
                f"ALTER TABLE {self.name}_dev.children ADD CONSTRAINT fk_parent FOREIGN KEY (parent_id) "
                "REFERENCES parents (id) ON DELETE CASCADE"
            )
            for table in tables:
                cursor.execute(f"INSERT INTO {self.name}_dev.{table} SELECT * FROM {self.name}.{table}")


@pytest.fixture
def killed(request: pytest.FixtureRequest, bake: Bake) -> BakedProject:
    """A project whose database can be put back, on the engine that the parameter says; no tables yet."""
    project = bake(example_models=False)
    if request.param != "sqlite":
        project.env["DATABASE_URL"] = request.getfixturevalue(request.param).url(
            f"kill_{time.monotonic_ns()}"
        )
    return project


def trials(project: BakedProject, kills: Iterable, command: tuple[str, ...], end: str, rows: int) -> list:
    """After each kill: look, run the command to its end, look again."""
    seen, stopped_at = [], []
    for each in kills:
        look_half_way(project, rows)
        seen.append(each)
        stopped_at.append(str(project.revision))
        project.flask(*command)
        look(project, rows)
        assert project.revision == end, each
    print(f"{len(seen)} kills left the database at {dict(Counter(stopped_at))}")
    return seen


def write_pending(project: BakedProject) -> None:
    for name, body in PENDING.items():
        project.write_revision(name, body)


UPGRADE = ("db", "upgrade")
DOWNGRADE = ("db", "downgrade", "family", "--yes")


@pytest.mark.parametrize("killed", ENGINES, indirect=True)
def test_an_upgrade_is_killed_before_each_change(killed: BakedProject) -> None:
    project = killed
    project.write_revision("family", family(FEW))
    project.make("migrate")
    saved = Saved(project)
    write_pending(project)
    seen = trials(project, at_each_point(project, *UPGRADE, reset=saved.put_back), UPGRADE, "dropped", FEW)
    assert any(point.startswith("UPDATE parents SET moved") for point in seen)
    assert seen.count("commit") >= (1 if project.url.startswith("sqlite") else 3) and seen[-1] == "the end"


@pytest.mark.parametrize("killed", ENGINES, indirect=True)
def test_a_downgrade_is_killed_before_each_change(killed: BakedProject) -> None:
    project = killed
    project.write_revision("family", family(FEW))
    write_pending(project)
    project.make("migrate")
    saved = Saved(project)
    seen = trials(project, at_each_point(project, *DOWNGRADE, reset=saved.put_back), DOWNGRADE, "family", FEW)
    assert any(point.startswith("UPDATE parents SET spare") for point in seen)
    assert seen.count("commit") >= (1 if project.url.startswith("sqlite") else 3) and seen[-1] == "the end"


@pytest.mark.parametrize("killed", ENGINES, indirect=True)
def test_an_upgrade_is_killed_at_random_moments(killed: BakedProject) -> None:
    project = killed
    project.write_revision("family", family())
    project.make("migrate")
    saved = Saved(project)
    write_pending(project)
    count = 2 * KILLS if project.url.startswith("sqlite") else KILLS  # whose trials are the quickest
    kills = at_random(project, *UPGRADE, reset=saved.put_back, trials=count)
    assert len(trials(project, kills, UPGRADE, "dropped", ROWS)) == count
