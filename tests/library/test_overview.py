"""What the first page shows of a database: in words, tables with their row counts, the chain of revisions."""

import re
import sys

import pytest
from sqlalchemy import create_engine, event

from flask_safe_migrations import backends
from flask_safe_migrations.overview import INTERNAL, ChainLink, Overview, overview

ENGINES = ["sqlite", "postgresql", "mariadb"]
WORDS = {
    "sqlite": (r"SQLite 3\.\d+", r"instance/shop_dev\.db"),
    "postgresql": (r"PostgreSQL \d+", r"library_\d+_dev on (127\.0\.0\.1|localhost):\d+"),
    "mariadb": (r"MariaDB \d+\.\d+", r"library_\d+_dev on (127\.0\.0\.1|localhost):\d+"),
}


def look(project, **options) -> Overview:
    app = project.create_app()
    with app.app_context():
        (database,) = overview(**options)
    for engine in project.engines(app):
        engine.dispose()
    return database


def states(database: Overview) -> list[str]:
    return [link.state for link in database.revisions]


def list_revisions(project, *names: str) -> None:
    lines = "".join(f"{name} 0123456789abcdef {name} it\n" for name in names)
    (project.migrations / "HEAD").write_text(f"# folded: old1 old2\n{lines}")


@pytest.mark.parametrize("engine", ENGINES)
def test_a_database_in_words(started, engine):
    project = started(engine)
    list_revisions(project, "start")
    quote = "`{}`".format if engine == "mariadb" else '"{}"'.format
    odd = "50% of \N{SNOWMAN} a.b"
    project.sql(f"CREATE TABLE {quote(odd)} (id INTEGER PRIMARY KEY)")
    project.sql(f"INSERT INTO {quote(odd)} VALUES (1), (2), (3)")
    project.sql("INSERT INTO item VALUES (7), (8)")
    found = look(project, limit=2)
    title, place = WORDS[engine]
    assert re.fullmatch(title, found.engine) and re.fullmatch(place, found.place)
    assert [(table.name, table.rows, table.has_more) for table in found.tables] == [
        (odd, 2, True),
        ("item", 2, False),
    ]
    assert (found.heads, found.revisions) == (("start",), (ChainLink("start", "start it", "applied"),))
    assert found.problem is None and found.pending == ()


@pytest.mark.parametrize("engine", ENGINES)
def test_tables_of_this_library_are_left_out(started, engine):
    project = started(engine)
    with project.create_app().app_context():
        database = backends.configured()
        names = database.internal_tables - {database.version_table}
    assert names and all(name.startswith(INTERNAL) for name in names)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_schemas_that_models_name(started, engine):
    project = started(engine)
    project.models += """
class Box(db.Model):
    __table_args__ = {"schema": "stock"}
    id = db.Column(db.Integer, primary_key=True)
"""
    assert [table.name for table in look(project).tables] == ["item"]  # before its migration
    if engine != "postgresql":
        return  # the others have databases, or files, in the place of schemas
    project.sql("CREATE SCHEMA stock")
    project.sql("CREATE TABLE stock.box (id INTEGER PRIMARY KEY)")
    project.sql("INSERT INTO stock.box VALUES (3)")
    found = look(project)
    assert found.problem is None
    assert [(table.name, table.rows) for table in found.tables] == [("item", 0), ("stock.box", 1)]


def test_databases_come_in_the_order_of_their_names(started):
    project = started("sqlite")
    project.config["SQLALCHEMY_BINDS"] = {
        "log": "sqlite://",
        "audit": "postgresql+psycopg:///notes?host=/no/such/folder",
    }
    app = project.create_app()
    with app.app_context():
        found = overview()
    for engine in project.engines(app):
        engine.dispose()
    assert [(database.bind, database.place) for database in found] == [
        (None, "instance/shop_dev.db"),
        ("audit", "notes on a local socket"),
        ("log", "in memory"),
    ]


def test_the_chain_as_seen_from_a_database(started):
    project = started("sqlite")
    list_revisions(project, "first", "start", "next", "last")
    found = look(project)
    assert states(found) == ["applied", "applied", "pending", "pending"]  # without those that were folded
    assert [link.id for link in found.pending] == ["next", "last"]
    list_revisions(project, "first", "next")  # the code is older than the database, as during a deployment
    found = look(project)
    assert found.revisions[2:] == (ChainLink("start", "not in migrations/HEAD", "applied"),)
    assert states(found) == ["applied"] * 3
    project.sql("DELETE FROM alembic_version")
    assert states(look(project)) == ["pending", "pending"]


def test_a_revision_that_stopped_half_way(started):
    project = started("mariadb")
    list_revisions(project, "start", "next")
    project.sql("CREATE TABLE migration_journal (step VARCHAR(64))")
    project.sql("INSERT INTO migration_journal VALUES ('next'), ('next')")
    assert states(look(project)) == ["applied", "half-applied"]
    project.sql("UPDATE migration_journal SET step = 'the downgrade of start'")
    assert states(look(project)) == ["half-applied", "pending"]


@pytest.mark.parametrize(
    ("applied", "count", "shown"),
    [
        (1, 1, "A"),
        (0, 1, "p"),
        (4, 4, "AAAA"),
        (5, 5, "AAAAA"),  # one revision takes no more room than "1 more"
        (1000, 1000, "A 996 AAA"),
        (997, 1000, "A 995 Appp"),
        (500, 1000, "A 498 Ap 498 p"),
        (0, 1000, "p 998 p"),
    ],
)
def test_a_long_chain_is_shortened(applied, count, shown):
    links = [ChainLink(str(n), "", "applied" if n < applied else "pending") for n in range(count)]
    text = "".join(
        f" {link} " if isinstance(link, int) else {"applied": "A", "pending": "p"}[link.state]
        for link in Overview(None, "", "", revisions=tuple(links)).shortened
    )
    assert text == shown


def test_it_does_not_create_a_database(started):
    project = started("sqlite")
    path = project.path / "instance" / "shop_dev.db"
    path.unlink()
    assert look(project).problem == "does not exist yet"
    assert not path.exists()


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mariadb+pymysql"])
def test_a_server_that_does_not_answer(started, driver):
    project = started("sqlite")
    list_revisions(project, "start")
    project.config["SQLALCHEMY_DATABASE_URI"] = f"{driver}://me:hidden-word@127.0.0.1:9/shop"
    found = look(project)
    assert found.problem.startswith("does not answer: ") and "hidden-word" not in repr(found)
    assert states(found) == ["pending"] and found.tables == ()


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_a_locked_table_is_not_waited_for(started, engine, monkeypatch):
    project = started(engine)
    project.sql("CREATE TABLE later (id INTEGER PRIMARY KEY)")
    monkeypatch.setattr(sys.modules[overview.__module__], "TABLES_PER_QUERY", 1)
    holder = create_engine(project.url)
    with holder.connect() as connection:
        lock = (
            "LOCK TABLE item IN ACCESS EXCLUSIVE MODE" if engine == "postgresql" else "LOCK TABLES item WRITE"
        )
        connection.exec_driver_sql(lock)
        assert [(table.name, table.rows) for table in look(project).tables] == [("item", None), ("later", 0)]
    holder.dispose()


@pytest.mark.parametrize("engine", ENGINES)
def test_many_tables_cost_few_queries(started, engine):
    """300 tables in 3 queries more than 1 table: the page stays fast (benchmarks/ has the time)."""
    project = started(engine)
    statements: list[str] = []

    def count() -> int:
        app = project.create_app()
        with app.app_context():
            (pool,) = project.engines(app)
            pool.connect().close()  # what a new connection asks is none of it
            event.listen(pool, "before_cursor_execute", lambda *args: statements.append(args[2]))
            statements.clear()
            overview()
            pool.dispose()
        return len(statements)

    few = count()
    assert few <= 8
    engine_of_test = create_engine(project.url)
    with engine_of_test.begin() as connection:
        for number in range(299):
            connection.exec_driver_sql(f"CREATE TABLE t{number} (id INTEGER PRIMARY KEY)")
    engine_of_test.dispose()
    more = 2 * (2 if engine == "postgresql" else 1)  # with the time limit of each
    assert count() == few + more
