"""Two applications in one database, and one database under two names."""

import os

import pytest
from histories import ENGINES, MODEL, TABLE, stored_revision, tables, write_revision

AUDIT = """
class Entry(db.Model):
    __bind_key__ = "audit"
    id = db.Column(db.Integer, primary_key=True)
"""


@pytest.fixture
def applications(new_project, server_url, tmp_path, monkeypatch):
    """`applications(engine, arguments, id, table)`: two applications on one database; the first is applied.

    The arguments are those of the second application's Migrate(), the id of its only revision and its table.
    """

    def applications(engine, arguments="", revision="baseline", table="item"):
        drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
        shared = new_project(server_url(drivers[engine]) if engine in drivers else None)

        def application(name, revision, table, arguments=""):
            folder = tmp_path / name / "code"
            (folder / "instance").mkdir(parents=True)
            monkeypatch.syspath_prepend(folder)
            monkeypatch.chdir(folder)
            project = type(shared)(folder, shared.url)
            project.models, project.arguments = MODEL.format(table.title()), arguments
            project.flask("init")
            write_revision(project, revision, TABLE.format(table))
            monkeypatch.chdir(tmp_path)
            return project

        first = application("first", "baseline", "customer")
        first.flask("upgrade")
        return first, application("second", revision, table, arguments)

    return applications


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_each_application_has_its_own_version_table(applications, engine):
    first, second = applications(engine, 'version_table="b_version"', "other")
    second.flask("upgrade")
    assert stored_revision(first) == "baseline"
    assert stored_revision(second, "b_version") == "other"
    for project in (first, second):
        assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
        assert "Nothing to do" in project.flask("upgrade")
    second.flask("downgrade", "--yes")
    assert stored_revision(second, "b_version") is None
    assert "item" not in tables(first)
    assert "customer" in tables(first)
    assert stored_revision(first) == "baseline"


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_stamp_keeps_the_records_of_the_other_application(applications, engine):
    first, second = applications(engine, 'version_table="b_version"', "other")
    second.flask("upgrade")
    second.flask("stamp", "base")
    assert first.sql("SELECT revision FROM migration_applied") == [("baseline",)]


@pytest.mark.parametrize(
    "engine",
    ENGINES,
)
def test_F07_rebuild_keeps_the_tables_of_the_other_application(applications, engine):
    """A SQLite file outside the project was refused from the start."""
    first, second = applications(engine, 'version_table="b_version"', "other")
    second.flask("upgrade")
    second.fails("rebuild")
    assert {"customer", "item"} <= tables(first)
    assert stored_revision(first) == "baseline"


@pytest.mark.parametrize(
    "engine",
    ENGINES,
)
def test_F07_another_application_with_the_same_ids_is_refused(applications, engine):
    first, second = applications(engine)
    write_revision(second, "more", TABLE.format("more"))
    assert first.name in second.fails("upgrade")
    assert stored_revision(first) == "baseline"
    assert "more" not in tables(first)
    # The owner is not affected.
    assert "Nothing to do" in first.flask("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_a_downgrade_does_not_drop_the_tables_of_another_application(applications, engine):
    """Both have the same id, and a table of the same name."""
    first, second = applications(engine, table="customer")
    assert first.name in second.fails("downgrade", "--yes")
    assert "customer" in tables(first)


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_another_application_with_other_ids_is_refused(applications, engine):
    first, second = applications(engine, revision="other")
    sentence = second.fails("upgrade")
    assert first.name in sentence
    assert "rebuild" not in sentence
    assert tables(first) & {"customer", "item"} == {"customer"}


@pytest.mark.parametrize(
    "engine",
    ["postgresql", "mariadb"],
)
def test_F07_the_database_of_another_application_is_not_rebuilt(applications, engine):
    first, second = applications(engine, revision="other")
    assert first.name in second.fails("rebuild")
    assert "customer" in tables(first)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("command", [["stamp", "head"], ["sql"], ["status"], ["adopt"], ["restore", "--yes"]])
def test_F07_every_command_names_the_owner(applications, engine, command):
    first, second = applications(engine)
    if command[0] == "restore":
        second.config["MIGRATION_BACKUP_DIR"] = str(first.path / "instance" / "backups")
        if engine == "sqlite":  # only a file of the project may be replaced
            first.config["SQLALCHEMY_DATABASE_URI"] = second.config["SQLALCHEMY_DATABASE_URI"] = move(second)
        first.flask("backup")
    if command == ["sql"]:
        write_revision(second, "more", TABLE.format("more"))
    assert f"belongs to the application {first.name}, not to {second.name}" in second.fails(*command)
    assert "customer" in tables(first)


def move(project):
    """Move the shared database into the folder of this application."""
    target = project.path / "instance" / "shop_dev.db"
    (project.path.parents[1] / "instance" / "shop_dev.db").rename(target)
    return f"sqlite:///{target}"


def forget_owner(project):
    """Leave the bookkeeping as an earlier release has written it."""
    project.sql("ALTER TABLE migration_applied DROP COLUMN application")


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_a_database_of_an_earlier_release_is_adopted_at_the_next_upgrade(applications, engine):
    first, second = applications(engine)
    forget_owner(first)
    assert "Pending   nothing" in first.flask("status")
    write_revision(first, "next", TABLE.format("next"))
    first.flask("upgrade")
    rows = first.sql("SELECT revision, application FROM migration_applied ORDER BY revision")
    assert rows == [("baseline", first.name), ("next", first.name)]
    assert first.name in second.fails("upgrade")
    first.flask("downgrade", "--yes")
    assert first.sql("SELECT revision, application FROM migration_applied") == [("baseline", first.name)]


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_a_database_of_flask_migrate_is_adopted_at_the_next_upgrade(applications, engine):
    first, second = applications(engine)
    first.sql("DROP TABLE migration_applied")
    write_revision(first, "next", TABLE.format("next"))
    first.flask("upgrade")
    assert first.sql("SELECT revision, application FROM migration_applied") == [("next", first.name)]
    assert first.name in second.fails("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_a_database_that_was_emptied_belongs_to_nobody(applications, engine):
    first, second = applications(engine)
    first.flask("downgrade", "base", "--yes")
    second.flask("upgrade")
    assert f"belongs to the application {second.name}" in first.fails("status")


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_a_renamed_application_keeps_its_old_name(applications, engine):
    first, second = applications(engine, table="customer")
    second.config["MIGRATION_OWNER"] = first.name
    assert "Nothing to do" in second.flask("upgrade")
    write_revision(second, "next", TABLE.format("next"))
    second.flask("upgrade")
    assert second.sql("SELECT DISTINCT application FROM migration_applied") == [(first.name,)]


def test_F07_the_place_from_which_the_package_is_imported_does_not_matter(applications):
    first, _ = applications("sqlite")
    write_revision(first, "next", TABLE.format("next"))
    first.config["MIGRATION_OWNER"] = f"other{first.name}"
    assert f"not to other{first.name}" in first.fails("upgrade")
    first.config["MIGRATION_OWNER"] = f"src.{first.name}"
    first.flask("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_equal_ids_in_two_version_tables_are_two_revisions(applications, engine):
    first, second = applications(engine, 'version_table="b_version"')
    second.flask("upgrade")
    for project in (first, second):
        assert "Changed" not in project.flask("status")
        assert "Nothing to do" in project.flask("upgrade")
    second.flask("downgrade", "--yes")
    assert first.sql("SELECT revision FROM migration_applied") == [("baseline",)]
    assert second.sql("SELECT revision FROM migration_applied_b_version") == []


@pytest.mark.parametrize("engine", ENGINES)
def test_F07_the_records_of_an_earlier_release_move_to_the_version_table(project_on, engine):
    """There was one table for all version tables."""
    project = project_on(engine)
    project.models, project.arguments = MODEL.format("Item"), 'version_table="b_version"'
    path = write_revision(project, "first", TABLE.format("item"))
    project.flask("upgrade")
    project.sql("CREATE TABLE migration_applied AS SELECT * FROM migration_applied_b_version")
    project.sql("DROP TABLE migration_applied_b_version")
    forget_owner(project)
    path.write_text(path.read_text().replace("op.drop_table", "assert True; op.drop_table"))
    assert "was changed after it was applied here" in project.flask("status")
    write_revision(project, "next", TABLE.format("next"))
    project.flask("upgrade")
    rows = project.sql("SELECT revision, application FROM migration_applied_b_version ORDER BY revision")
    assert rows == [("first", project.name), ("next", project.name)]
    assert "was changed after it was applied here" in project.flask("status")


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F07_rebuild_recognises_the_version_table_of_flask_migrate(applications, engine):
    """It has no owner, but a revision; without one, the other application has nothing there."""
    first, _ = applications(engine)
    first.sql("CREATE TABLE other_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    first.sql("INSERT INTO other_version VALUES ('1')")
    assert "other_version" in first.fails("rebuild")
    assert "other_version" in tables(first)
    first.sql("DELETE FROM other_version")
    first.flask("rebuild")
    assert stored_revision(first) == "baseline"


def test_F07_rebuild_recognises_a_version_table_in_another_schema(applications):
    first, _ = applications("postgresql")
    first.sql("CREATE SCHEMA b")
    first.sql("CREATE TABLE b.alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    first.sql("INSERT INTO b.alembic_version VALUES ('1')")
    assert "b.alembic_version" in first.fails("rebuild")
    assert stored_revision(first, "b.alembic_version") == "1"


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F08_one_database_under_two_host_names_is_refused(project_on, engine):
    project = project_on(engine)
    project.config["SQLALCHEMY_BINDS"] = {"audit": project.url.replace("127.0.0.1", "localhost")}
    assert "localhost" in project.config["SQLALCHEMY_BINDS"]["audit"]
    project.models += AUDIT
    project.sql("SELECT 1", create(project))
    for command in (["new", "-m", "first"], ["upgrade"], ["rebuild"]):
        sentence = project.fails(*command)
        assert "default and audit are one and the same" in sentence
    assert project.versions == []


def create(project):
    """Create the database, which the server is to be asked about, and return its URL."""
    from sqlalchemy import create_engine, make_url, text

    url = make_url(project.url)
    maintenance = url.set(database="postgres" if url.get_backend_name() == "postgresql" else "mysql")
    engine = create_engine(maintenance, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {url.database}"))
    engine.dispose()
    return project.url


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F08_two_databases_under_two_host_names_are_accepted(project_on, server_url, engine):
    project = project_on(engine)
    drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql"}
    audit = server_url(drivers[engine]).replace("127.0.0.1", "localhost")
    project.config["SQLALCHEMY_BINDS"] = {"audit": audit}
    project.models += AUDIT
    write_revision(
        project,
        "first",
        TABLE.format("user") + TABLE.format("entry").replace("grade()", "grade_audit()"),
    )
    project.flask("upgrade")
    assert "entry" in {
        name for (name,) in project.sql("SELECT table_name FROM information_schema.tables", audit)
    }
    assert "entry" not in tables(project)


@pytest.mark.parametrize("link", ["symlink", "link"])
def test_F08_one_file_under_two_names_is_refused(project, link):
    file = project.path / "instance" / "shop_dev.db"
    file.touch()
    getattr(os, link)(file, file.with_name("audit_dev.db"))
    project.config["SQLALCHEMY_BINDS"] = {"audit": project.url.replace("shop_dev", "audit_dev")}
    project.models += AUDIT
    for command in (["new", "-m", "first"], ["upgrade"]):
        assert "default and audit are one and the same" in project.fails(*command)
