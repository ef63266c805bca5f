"""`flask db adopt --models`: an existing database becomes a project, with models and a proved baseline."""

import re
import sqlite3
from contextlib import closing

import existing
import pytest
from project import Bake, BakedProject

FIRST = re.compile(r'^class (\w+)\(db\.Model\):\n    __tablename__ = "(\w+)"', re.MULTILINE)
SAMPLES = [tuple(path.parts[-2:]) for path in sorted(existing.SCHEMAS.glob("*/*.sql"))]
# What no model can hold is reported; of each sample at least this.
TOLD = {
    "sqlite/chinook.sql": [],
    "sqlite/northwind.sql": ["trigger no_order_in_the_future", "view Products Above Average Price"],
    "sqlite/sakila.sql": ["trigger actor_updated", "view film_list"],
    "postgresql/employees.sql": ["function head_count"],
    "postgresql/pagila.sql": ["trigger last_updated on actor", "materialized view per_store"],
    "postgresql/world.sql": [],
    "mariadb/employees.sql": ["view dept_emp_latest_date"],
    "mariadb/sakila.sql": ["trigger customer_create_date", "function films", "view film_list"],
    "mariadb/world.sql": [],
}


@pytest.mark.parametrize(("engine", "sample"), SAMPLES, ids=["-".join(each) for each in SAMPLES])
def test_a_sample_database_becomes_a_project(on: Bake, engine: str, sample: str) -> None:
    project = on(engine, example_models=False)
    existing.make(project, (existing.SCHEMAS / engine / sample).read_text())
    before = existing.rows(project)
    assert all(before.values()), "a table without rows proves nothing"

    out = project.flask("db", "adopt", "--models", "--yes").out
    assert f"({len(before)} tables)" in out and "Adopted: " in out
    for what in TOLD[f"{engine}/{sample}"]:
        assert f"\n  {what}\n" in out
    assert existing.rows(project) == before
    verified = project.flask("db", "verify", check=False).out
    assert "✗" not in verified, verified
    assert "Nothing to migrate" in project.flask("db", "new", "-m", "nothing").out

    # From here on it is a project like any other.
    tables = project.models / "tables.py"
    name, table = FIRST.search(tables.read_text()).groups()
    own = f"class {name}(db.Model):\n"
    project.edit(tables, own, f"{own}    remark = db.Column(db.String(30))\n")
    project.revise("remarks")
    assert project.make("migrate").out
    after = existing.rows(project)
    assert [row[:-1] for row in after.pop(table)] == before.pop(table)
    assert after == before


SHOP = """
CREATE TABLE goods (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL UNIQUE);
INSERT INTO goods VALUES (1, 'tea');
"""


def shop(project: BakedProject, sql: str = SHOP) -> bytes:
    existing.make(project, sql)
    return (project.path / "instance" / "my_app.db").read_bytes()


def listed(project: BakedProject) -> set[str]:
    """All files but those of this machine."""
    found = (path.relative_to(project.path) for path in project.path.rglob("*") if path.is_file())
    passed = {"instance", ".venv", "__pycache__", ".ruff_cache"}
    return {str(path) for path in found if not passed & set(path.parts)}


def test_a_project_with_models_of_its_own_is_refused(project: BakedProject) -> None:
    before, files = shop(project), listed(project)
    sentence = project.flask_fails("db", "adopt", "--models")
    assert "has models already (tags, user_tags, users)" in sentence and "example_models=no" in sentence
    assert shop(project) == before and listed(project) == files


def test_without_a_word_the_database_keeps_its_names_and_the_models_stay(bake: Bake) -> None:
    project = bake(example_models=False)
    before = shop(project)
    out = project.flask("db", "adopt", "--models").out
    assert "the unique constraint of goods (name): without a name, to be uq_goods_name" in out
    assert "the database is unchanged" in out
    assert (project.path / "instance" / "my_app.db").read_bytes() == before
    assert project.flask("db", "adopt", "--yes").out.rstrip().endswith("(adopted tables).")
    assert existing.rows(project) == {"goods": [(1, "tea")]}


def test_nothing_half_written_stays_where_it_cannot_be_done(bake: Bake) -> None:
    project = bake(example_models=False)
    sql = "CREATE TABLE goods (id INTEGER PRIMARY KEY, name TEXT, UNIQUE (name) ON CONFLICT REPLACE);"
    before, files = shop(project, sql), listed(project)
    sentence = project.flask("db", "adopt", "--models", "--yes", check=False)
    assert (
        sentence.returncode == 1 and "ON CONFLICT REPLACE" in sentence.out and "Traceback" not in sentence.out
    )
    assert listed(project) == files
    with closing(sqlite3.connect(project.path / "instance" / "my_app.db")) as connection:
        assert connection.execute("SELECT sql FROM sqlite_master").fetchone()[0] == sql.rstrip(";")
    assert before


def test_a_bind_gets_a_module_of_its_own(bake: Bake) -> None:
    project = bake(example_models=False)
    shop(project)
    with closing(sqlite3.connect(project.path / "instance" / "log.db")) as connection:
        connection.executescript(
            "CREATE TABLE visits (id INTEGER PRIMARY KEY, path TEXT NOT NULL);"
            "CREATE TABLE raw (line TEXT); INSERT INTO visits VALUES (1, '/');"
        )
    settings = project.path / "settings.cfg"
    settings.write_text(f'SQLALCHEMY_BINDS = {{"log": "sqlite:///{project.path}/instance/log.db"}}\n')
    out = project.flask("db", "adopt", "--models", "--yes", SETTINGS=str(settings)).out
    assert "Wrote my_app/models/log_tables.py (2 tables)" in out and out.count("Adopted: ") == 2
    text = (project.models / "log_tables.py").read_text()
    assert '__bind_key__ = "log"' in text and 'bind_key="log"' in text
    baseline = project.versions[-1].read_text()
    assert "def upgrade_log()" in baseline and baseline.count('"visits"') == 2
    out = project.flask("db", "upgrade", SETTINGS=str(settings)).out
    assert out.count("Nothing to do") == 2
    count = (
        "from my_app import create_app\nfrom my_app.database import db\n"
        "from my_app.models.log_tables import Visit\n"
        "with create_app().app_context(): print(db.session.query(Visit).count())"
    )
    result = project.run(project.python, "-c", count, SETTINGS=str(settings), FLASK_DEBUG="1")
    assert result.out.splitlines()[-1] == "1"
    assert "✗" not in project.flask("db", "verify", check=False, SETTINGS=str(settings)).out


def test_what_no_baseline_would_make_is_reported_before_anything_is_written(on: Bake) -> None:
    project = on("postgresql", example_models=False)
    existing.make(
        project, "CREATE DOMAIN year AS integer CHECK (VALUE > 1900); CREATE TABLE film (made year);"
    )
    files = listed(project)
    assert "Column film.made is of a domain (year)" in project.flask_fails("db", "adopt", "--models")
    assert listed(project) == files
