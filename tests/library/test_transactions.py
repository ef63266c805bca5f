"""A revision is applied whole or not at all, and no row is lost on the way; on each engine, in process."""

from pathlib import Path

import pytest
from in_process import Models, Shop
from project import names

NUMBERS = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {})"
CHILDREN = "SELECT count(*), count(parent_id), sum(parent_id) FROM children"
HALF = """
def upgrade():
    op.create_table("half", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO parents (id, name) VALUES (7, 'half')")
    op.create_table("other_half", sa.Column("id", sa.Integer, primary_key=True))
    {failure}
"""


def family(length: int, action: str = "CASCADE") -> Models:
    def models(db) -> None:
        class Parent(db.Model):
            __tablename__ = "parents"

            id = db.Column(db.Integer, primary_key=True)
            name = db.Column(db.String(length), nullable=False)

        class Child(db.Model):
            __tablename__ = "children"

            id = db.Column(db.Integer, primary_key=True)
            parent_id = db.Column(db.ForeignKey("parents.id", ondelete=action), index=True)

    return models


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path, f"sqlite:///{tmp_path}/shop.db", family(50))


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def shop_anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    url = f"sqlite:///{tmp_path}/shop.db"
    if request.param != "sqlite":
        url = request.getfixturevalue(request.param).url(f"library_{next(names)}_dev")
    return Shop(tmp_path, url, family(50))


def with_children(shop: Shop, action: str) -> Shop:
    """100 parents and 300 children, and a pending revision that rebuilds parents."""
    shop.be(family(50, action))
    shop.run("new", "-m", "family")
    shop.run("upgrade")
    shop.sql(f"INSERT INTO parents {NUMBERS.format(100)} SELECT i, 'parent ' || i FROM n")
    shop.sql(f"INSERT INTO children {NUMBERS.format(300)} SELECT i, i % 100 + 1 FROM n")
    shop.be(family(80, action))
    shop.run("new", "-m", "longer names")
    return shop


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"])
def test_H01_H02_children_survive_the_rebuild_of_their_parents(shop: Shop, action: str) -> None:
    with_children(shop, action)
    before = shop.sql(CHILDREN)
    for command in (["upgrade"], ["downgrade", "--yes"], ["upgrade"]):
        shop.run(*command)
        assert shop.sql(CHILDREN) == before == [(300, 300, 15150)]
    assert shop.sql("PRAGMA foreign_key_check") == []
    assert shop.sql("SELECT name FROM sqlite_master WHERE name LIKE '_alembic%'") == []


def test_a_revision_that_orphans_rows_is_rolled_back_with_the_tables_named(shop: Shop) -> None:
    with_children(shop, "CASCADE")
    shop.run("upgrade")
    shop.write_revision("orphans", "def upgrade():\n    op.execute('DELETE FROM parents WHERE id <= 2')\n")
    revision = shop.revision
    assert "6 in children without their parents" in shop.run("upgrade", code=1)
    assert shop.sql("SELECT count(*) FROM parents") == [(100,)]
    assert shop.revision == revision


def test_orphans_from_earlier_days_do_not_stop_a_migration(shop: Shop) -> None:
    with_children(shop, "CASCADE")
    shop.sql("INSERT INTO children VALUES (1000, 4711)")
    shop.run("upgrade")
    assert shop.sql("SELECT parent_id FROM children WHERE id = 1000") == [(4711,)]


def test_H04_several_revisions_are_applied_as_a_whole(shop: Shop) -> None:
    """`autocommit_block()` must not commit half of them."""
    shop.run("new", "-m", "family")
    shop.run("upgrade")
    before = shop.revision
    body = "def upgrade():\n    with op.get_context().autocommit_block():\n        "
    shop.write_revision("one", body + 'op.execute("CREATE TABLE one (id)")')
    shop.write_revision("two", "def upgrade():\n    1 / 0")
    out = shop.run("upgrade", code=1)
    assert "two.py failed" in out and "ZeroDivisionError in line" in out and "Nothing was changed" in out
    assert shop.revision == before
    assert shop.sql("SELECT name FROM sqlite_master WHERE name = 'one'") == []


@pytest.mark.parametrize("failure", ['op.execute("NONSENSE")', "1 / 0"])
def test_H04_a_failing_revision_leaves_nothing_and_those_before_stay(
    shop_anywhere: Shop, failure: str
) -> None:
    """On MariaDB, which commits each statement that changes a table, the rest is done by the next run."""
    shop = shop_anywhere
    shop.run("new", "-m", "family")
    shop.run("upgrade")
    before = shop.revision
    path = shop.write_revision("half", HALF.format(failure=failure))
    for _ in range(2):
        assert "half.py failed" in shop.run("upgrade", code=1)
        assert shop.revision == before
        if shop.url.get_backend_name() != "mariadb":
            assert shop.sql("SELECT count(*) FROM parents") == [(0,)]
            with shop.app.app_context():
                tables = set(shop.db.inspect(shop.db.engine).get_table_names())
            assert not tables & {"half", "other_half"}
    path.write_text(path.read_text().replace(failure, "pass"))
    shop.list_revisions()
    shop.run("upgrade")
    assert shop.sql("SELECT name FROM parents") == [("half",)] and shop.revision == "half"


def test_H58_options_are_the_same_offline(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    shop = Shop(tmp_path, url, family(50), version_table="mine")
    shop.run("new", "-m", "family")
    assert "INSERT INTO mine" in shop.run("upgrade", "--sql")
    shop.run("upgrade")
    assert len(shop.revision or "") == 12
