"""What the tests of a project use: databases that the migrations create once and that are copied."""

import pytest
from sqlalchemy import inspect, make_url, text

from flask_safe_migrations import MigrationError
from flask_safe_migrations.testing import MigratedDatabases

DRIVERS = {"sqlite": None, "postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
DATABASES = {
    "postgresql": "SELECT datname FROM pg_database",
    "mariadb": "SELECT schema_name FROM information_schema.schemata",
}
MODELS = """
class Status(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False, unique=True)
    size = db.Column(db.Integer, db.Computed("length(name)", persisted=True))


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    status_id = db.Column(db.ForeignKey("status.id"), nullable=False)
"""
BIND = """
class Entry(db.Model):
    __bind_key__ = "log"
    id = db.Column(db.Integer, primary_key=True)
"""
ROWS = """
    op.execute("INSERT INTO status (name) VALUES ('new 100%'), ('old')")
    op.execute("UPDATE status SET id = 0 WHERE name = 'old'")
    op.execute("CREATE VIEW names AS SELECT name FROM status")


def downgrade() -> None:
    op.execute("DROP VIEW names")
"""


@pytest.fixture(params=DRIVERS)
def migrated(request, new_project, server_url):
    """A project whose revision also inserts rows and creates a view. Its real database does not exist."""
    driver = DRIVERS[request.param]
    project = new_project(server_url(driver) if driver else None)
    project.models = MODELS
    project.flask("init")
    project.flask("new", "-m", "users")
    (path,) = project.versions
    head, _, tail = path.read_text().partition("\n\n\ndef downgrade() -> None:\n")
    path.write_text(head + ROWS + tail)
    project.flask("new", "--prove")
    return project


def list_databases(project):
    """Return all databases of the server, or the files of the project."""
    url = make_url(project.url)
    if url.get_backend_name() == "sqlite":
        return sorted(str(path) for path in project.path.rglob("*.db*"))
    maintenance = {"postgresql": "postgres", "mariadb": "mysql"}[url.get_backend_name()]
    query = DATABASES[url.get_backend_name()]
    return project.sql(query, url.set(database=maintenance))


def engine(app):
    return app.extensions["sqlalchemy"].engine


def names(app):
    with app.app_context(), engine(app).connect() as connection:
        return list(connection.scalars(text("SELECT name FROM names ORDER BY name")))


def add(app, name):
    with app.app_context(), engine(app).begin() as connection:
        connection.execute(text("INSERT INTO status (name) VALUES (:name)"), {"name": name})


def test_each_application_has_a_copy(migrated, tmp_path):
    before = list_databases(migrated)
    with MigratedDatabases(migrated.create_app, tmp_path, {"SECRET_KEY": "x"}) as databases:
        with databases.app(GREETING="hello") as first, databases.app() as second:
            assert first.config["SECRET_KEY"] == "x" and first.testing
            assert (first.config["GREETING"], second.config.get("GREETING")) == ("hello", None)
            add(first, "mine")
            assert names(first) == ["mine", "new 100%", "old"]
            assert names(second) == ["new 100%", "old"]
            with second.app_context(), engine(second).connect() as connection:
                assert connection.scalar(text("SELECT id FROM status WHERE name = 'old'")) == 0
            with second.app_context():
                inspector = inspect(engine(second))
                assert inspector.get_foreign_keys("user")[0]["referred_table"] == "status"
                assert inspector.get_unique_constraints("status")[0]["name"] == "uq_status_name"
            add(second, "a key of its own")  # the counter of keys was copied too
        with databases.app() as third:
            assert names(third) == ["new 100%", "old"]
    assert list_databases(migrated) == before


def test_a_connection_that_a_test_has_left_open(migrated, tmp_path):
    """Its database is dropped all the same, at once."""
    before = list_databases(migrated)
    with MigratedDatabases(migrated.create_app, tmp_path) as databases, databases.app() as app:
        with app.app_context():
            connection = engine(app).connect()
        connection.execute(text("INSERT INTO status (name) VALUES ('left')"))
    assert list_databases(migrated) == before


def test_the_databases_of_binds(new_project, tmp_path):
    project = new_project()
    project.models = MODELS + BIND
    project.config["SQLALCHEMY_BINDS"] = {"log": {"url": f"sqlite:///{project.path}/log.db", "echo": False}}
    project.flask("init")
    project.flask("new", "-m", "users")
    with MigratedDatabases(project.create_app, tmp_path) as databases, databases.app() as app:
        with app.app_context():
            engines = app.extensions["sqlalchemy"].engines
            assert inspect(engines["log"]).has_table("entry") and inspect(engines[None]).has_table("status")
            assert not inspect(engines[None]).has_table("entry")
        assert app.config["SQLALCHEMY_BINDS"]["log"]["echo"] is False
    assert not (project.path / "log.db").exists()


def test_a_factory_that_ignores_the_settings_is_refused(project, tmp_path):
    """Otherwise the tests would migrate the real database."""
    project.flask("new", "-m", "users")
    create_app = project.create_app
    with pytest.raises(MigrationError, match="so the tests would change a real database"):
        MigratedDatabases(lambda _settings: create_app(), tmp_path).__enter__()
    assert not (project.path / "instance" / "shop_dev.db").exists()


def test_a_revision_that_fails_leaves_no_database(migrated, tmp_path):
    before = list_databases(migrated)
    (path,) = migrated.versions
    path.write_text(path.read_text().replace("CREATE VIEW names", "CREATE NOTHING names"))
    with pytest.raises(MigrationError, match="CREATE NOTHING"):
        MigratedDatabases(migrated.create_app, tmp_path).__enter__()
    assert list_databases(migrated) == before
