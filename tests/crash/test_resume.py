"""MariaDB commits at every DDL statement: a revision that stops half-way is taken up where it stopped."""

import pytest
from project import Bake, BakedProject, rewrite
from test_deployments import start, wait_until

# DML before, between and behind DDL, so that anything done twice or not at all shows.
STEPS = """
def upgrade():
    op.create_table("one", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    op.execute("-- a comment\\n/* and another */ INSERT INTO one (n) VALUES (1)")
    op.add_column("one", sa.Column("extra", sa.Integer, server_default="7"))
    op.bulk_insert(sa.table("one", sa.column("n")), [{"n": 2}, {"n": 3}])
    op.execute("UPDATE one SET extra = extra + 1")
    op.execute("CREATE TABLE two AS SELECT n FROM one")
    FAILURE
    op.drop_column("one", "extra")
    op.execute("INSERT INTO one (n) VALUES (4)")


def downgrade():
    op.drop_table("two")
    op.drop_table("one")
"""

ANSWERS = """
def upgrade():
    one = op.create_table("one", sa.Column("id", sa.Integer, primary_key=True), sa.Column("n", sa.Integer))
    op.create_table("two", sa.Column("id", sa.Integer, primary_key=True), sa.Column("one_id", sa.Integer))
    op.bulk_insert(one, [{"n": n} for n in range(5)])
    key = op.get_bind().execute(one.insert().values(n=7)).inserted_primary_key[0]
    while op.get_bind().exec_driver_sql("UPDATE one SET n = 5 WHERE n < 5 LIMIT 2").rowcount:
        pass
    op.add_column("one", sa.Column("extra", sa.Integer))
    1 / 0
    op.execute(f"INSERT INTO two (id, one_id) VALUES ({key}, {key})")
    key = 2 * op.get_bind().exec_driver_sql("SELECT count(*) FROM one").scalar()
    op.execute(f"INSERT INTO two (id, one_id) VALUES ({key}, {key})")
"""
BATCHED = """
def upgrade():
    import os, time

    op.execute("CREATE TABLE one (id INT PRIMARY KEY, n INT)")
    op.execute("INSERT INTO one (id) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10)")
    connection = op.get_bind()
    todo = "SELECT min(id) FROM one WHERE n IS NULL"
    with op.get_context().autocommit_block():
        while (key := connection.exec_driver_sql(todo).scalar()) is not None:
            op.execute(f"UPDATE one SET n = 1 WHERE id = {key}")
            if key == 3:
                open("running", "w").close()
                while not os.path.exists("go"):
                    time.sleep(0.05)
    op.execute("ALTER TABLE one ADD COLUMN extra INT")
    assert os.path.exists("fixed")
    op.execute("ALTER TABLE one ADD COLUMN last INT")
"""


@pytest.fixture
def shop(on: Bake) -> BakedProject:
    project = on("mariadb")
    project.make("db")
    return project


def complete(project: BakedProject) -> None:
    assert project.sql("SELECT n FROM one ORDER BY n") == [(1,), (2,), (3,), (4,)]
    assert project.sql("SELECT n FROM two ORDER BY n") == [(1,), (2,), (3,)]
    assert project.revision == "steps"
    tables = {name for (name,) in project.sql("SHOW TABLES")}
    assert tables == {"alembic_version", "migration_applied", "tags", "users", "user_tags", "one", "two"}


@pytest.mark.parametrize(
    "failure", ["1 / 0", 'op.execute("NONSENSE")', 'op.execute("ALTER TABLE nosuch ADD x INT")']
)
def test_H45_a_revision_that_failed_half_way_is_finished_by_the_next_run(
    shop: BakedProject, failure: str
) -> None:
    project = shop
    path = project.write_revision("steps", STEPS.replace("FAILURE", failure))
    for _ in range(2):
        out = project.flask("db", "upgrade", check=False).out
        assert "goes on from there" in out and "Traceback" not in out
        assert project.revision == "3f1d9a62c0b7"
        assert project.sql("SELECT n, extra FROM one ORDER BY n") == [(1, 8), (2, 8), (3, 8)]
    project.edit(path, failure, "pass")
    out = project.make("migrate").out
    assert "Taking up steps where it stopped: 6 of its statements have run" in out
    complete(project)
    project.make("rollback")
    project.make("migrate")
    complete(project)


def test_H45_dml_that_was_rolled_back_runs_again(shop: BakedProject) -> None:
    """It fails behind DML that no DDL has committed yet: the journal and the rows say the same."""
    project = shop
    update = '    op.execute("UPDATE one SET extra = extra + 1")\n'
    text = STEPS.replace("FAILURE", "pass").replace(update, f"{update}    1 / 0\n")
    path = project.write_revision("steps", text)
    project.flask("db", "upgrade", check=False)
    assert project.sql("SELECT n, extra FROM one ORDER BY n") == [(1, 7)]
    project.edit(path, "1 / 0", "op.get_bind().exec_driver_sql(SUM).scalar()")
    constant = 'SUM = "SELECT sum(extra) FROM one"'
    project.edit(path, "def upgrade", f"{constant}\n\n\ndef upgrade")
    project.make("migrate")
    complete(project)


@pytest.mark.parametrize("done", [True, False])
def test_H45_the_statement_in_flight_is_settled_by_the_server(shop: BakedProject, done: bool) -> None:
    """As a crash leaves it: written down as begun, and executed or not."""
    project = shop
    path = project.write_revision("steps", STEPS.replace("FAILURE", "1 / 0"))
    project.flask("db", "upgrade", check=False)
    project.sql("UPDATE migration_journal SET done = FALSE WHERE statement LIKE 'CREATE TABLE two%'")
    if not done:
        project.sql("DROP TABLE two")
    project.edit(path, "1 / 0", "pass")
    project.make("migrate")
    complete(project)


def test_H45_what_has_run_must_not_change(shop: BakedProject) -> None:
    project = shop
    path = project.write_revision("steps", STEPS.replace("FAILURE", "1 / 0"))
    project.flask("db", "upgrade", check=False)
    broken = path.read_text()
    rewrite(path, broken.replace("1 / 0", "pass").replace('server_default="7"', 'server_default="8"'))
    out = project.flask("db", "upgrade", check=False).out
    assert "has changed in its file since" in out and "CREATE TABLE one" in out and "Traceback" not in out
    assert project.sql("SELECT n, extra FROM one ORDER BY n") == [(1, 8), (2, 8), (3, 8)]
    rewrite(path, broken.replace("1 / 0", "pass"))
    project.make("migrate")
    complete(project)


def test_H45_a_warning_of_the_driver_is_reported_again(shop: BakedProject) -> None:
    """How many rows fitted, and which key a row was given: what comes after goes by it."""
    project = shop
    path = project.write_revision("answers", ANSWERS)
    project.flask("db", "upgrade", check=False)
    project.edit(path, "1 / 0", "pass")
    project.make("migrate")
    assert project.sql("SELECT n FROM one WHERE n = 5") == [(5,)] * 5
    assert project.sql("SELECT one_id, id FROM two") == [(6, 6), (12, 12)]


def test_H75_batches_that_were_killed_are_run_from_their_beginning(shop: BakedProject) -> None:
    """They commit one by one, and which they are depends on the rows: none of it is in the journal."""
    project = shop
    project.write_revision("batched", BATCHED)
    process = start(project)
    wait_until((project.path / "running").exists)
    process.kill()
    process.wait()
    assert project.sql("SELECT sum(n) FROM one") == [(3,)]
    assert [done for (done,) in project.sql("SELECT done FROM migration_journal")] == [1, 1]
    (project.path / "go").touch()
    out = project.flask("db", "upgrade", check=False).out
    assert "Taking up batched where it stopped: 2 of its statements have run" in out
    assert project.sql("SELECT sum(n), count(extra) FROM one") == [(10, 0)]
    (project.path / "fixed").touch()
    project.make("migrate")
    assert project.sql("SELECT sum(n) FROM one") == [(10,)]
    assert project.sql("SELECT count(*) FROM one WHERE last IS NULL") == [(10,)]


def test_the_very_first_revision_too(on: Bake) -> None:
    """Its tables without a revision are not taken for somebody else's."""
    project = on("mariadb")
    (baseline,) = project.versions
    text = baseline.read_text()
    rewrite(
        baseline,
        text.replace(
            '    op.create_index(op.f("ix_user_tags', '    1 / 0\n    op.create_index(op.f("ix_user_tags'
        ),
    )
    assert "goes on from there" in project.flask("db", "upgrade", check=False).out
    rewrite(baseline, text)
    project.make("migrate")
    assert "No new upgrade operations" in project.flask("db", "check").out
