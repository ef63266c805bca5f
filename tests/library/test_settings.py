"""Every setting that is new with the library: what it does, and the sentence for a value that cannot be."""

import shutil
from pathlib import Path

import pytest
from histories import write_revision
from sqlalchemy import make_url

from flask_safe_migrations.settings import Settings
from flask_safe_migrations.testing import create_database, drop_database

UNNAMED = """
class Old(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    code = db.Column(db.String(10), unique=True)
"""
CUSTOMER = """
class Customer(db.Model):
    __table_args__ = {"schema": "crm"}
    id = db.Column(db.Integer, primary_key=True)
    code = db.Column(db.Integer, unique=True)
"""
DANGEROUS = """
def upgrade():
    op.drop_column("user", "nick")


def downgrade():
    op.add_column("user", sa.Column("nick", sa.String(10)))
"""


def with_dangerous_history(project) -> list[str]:
    """Two revisions, the second of which drops a column; return their ids."""
    project.models = project.models.replace(
        "unique=True)", "unique=True)\n    nick = db.Column(db.String(10))"
    )
    project.flask("new", "-m", "users")
    (first,) = project.versions
    project.models = project.models.partition("\n    nick")[0] + "\n"
    project.flask("new", "-m", "no nick", "--drop", "user.nick")
    (second,) = set(project.versions) - {first}
    return [path.name.partition("_")[0] for path in (first, second)]


def test_check_after_leaves_out_what_is_older(project):
    _, second = with_dangerous_history(project)
    assert "drops column user.nick" in project.run("verify").output
    project.config["MIGRATION_CHECK_AFTER"] = second
    printed = project.flask("verify")
    assert f"2 revisions are not judged: up to {second}, which MIGRATION_CHECK_AFTER names" in printed
    # What comes later is judged.
    project.models += UNNAMED
    project.flask("new", "-m", "old")
    project.models = project.models.replace("    code = db.Column(db.String(10), unique=True)\n", "")
    project.flask("new", "-m", "no code", "--drop", "old.code")
    printed = project.run("verify").output
    assert "drops column old.code" in printed
    assert "user.nick" not in printed


def test_check_after_and_names(project):
    """A constraint without a name is reported where a later revision has made it."""
    project.metadata = ""
    project.flask("new", "-m", "users")
    first = project.versions[0].name.partition("_")[0]
    assert "the unique constraint of user (email) has no name" in project.run("verify").output
    project.config["MIGRATION_CHECK_AFTER"] = first
    assert "✗" not in project.flask("verify")
    project.models += UNNAMED
    project.flask("new", "-m", "old")
    printed = project.run("verify").output
    assert "the unique constraint of old (code) has no name" in printed
    assert "of user" not in printed
    # It is looked at again without the setting.
    project.config["MIGRATION_CHECK_AFTER"] = None
    assert "the unique constraint of user (email) has no name" in project.run("verify").output


def test_constraints_need_names_in_every_schema(project_on):
    project = project_on("postgresql")
    project.metadata, project.models = "", CUSTOMER
    sql = "CREATE TABLE crm.customer (id SERIAL PRIMARY KEY, code INTEGER UNIQUE)"
    write_revision(project, "crm", f'def upgrade():\n    op.execute("CREATE SCHEMA crm; {sql}")\n')
    printed = project.run("verify").output
    assert "the primary key of crm.customer (id) has no name" in printed
    assert "the unique constraint of crm.customer (code) has no name" in printed
    project.metadata = "metadata=MetaData(naming_convention=NAMING_CONVENTION)"
    assert "the unique constraint of crm.customer (code) has no name" in project.run("verify").output


def test_check_after_for_one_run(project, monkeypatch):
    _, second = with_dangerous_history(project)
    monkeypatch.setenv("MIGRATION_CHECK_AFTER", second)
    assert "✗" not in project.flask("verify")


def test_check_after_names_a_revision_that_was_folded(project):
    first, _ = with_dangerous_history(project)
    project.flask("squash", "--yes")
    project.config["MIGRATION_CHECK_AFTER"] = first
    assert "1 revision is not judged" in project.flask("verify")


def test_check_after_names_no_revision(project):
    with_dangerous_history(project)
    project.config["MIGRATION_CHECK_AFTER"] = "nothere"
    assert project.fails("verify") == (
        "Error: MIGRATION_CHECK_AFTER is nothere, and there is no such revision: "
        "`flask db history` lists them."
    )


@pytest.mark.parametrize("given", [["drop_column"], "drop_column, rename_column"])
def test_disabled_checks_find_nothing(project, given):
    with_dangerous_history(project)
    project.config["MIGRATION_DISABLED_CHECKS"] = given
    printed = project.flask("verify")
    assert "✗" not in printed
    first = project.migrations.joinpath("HEAD").read_text().splitlines()[1].split()[0]
    assert "✗" not in project.flask("verify", "--against", first)


def test_disabled_checks_that_are_none(project):
    with_dangerous_history(project)
    project.config["MIGRATION_DISABLED_CHECKS"] = ["drop_colum"]
    printed = project.fails("verify")
    assert printed.startswith(
        "Error: MIGRATION_DISABLED_CHECKS names drop_colum, and there is no such rule: use "
    )
    assert "drop_column, " in printed


def test_engine_options_reach_the_engine_of_a_migration(project):
    project.config["MIGRATION_ENGINE_OPTIONS"] = {
        "connect_args": {"timeout": 3},
        "execution_options": {"of_the_application": True},
    }
    app = project.create_app()
    with app.app_context():
        from flask_safe_migrations import backends

        database = backends.configured()
        for each in (database, database.with_name("other.db")):
            engine = each.create_engine()
            assert engine.get_execution_options()["of_the_application"]
            assert each.args["timeout"] == 3
    project.flask("new", "-m", "users")
    project.flask("upgrade")


def test_connect_args_of_the_application_stay_where_nothing_else_is_reported(project):
    project.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 7, "cached_statements": 5}}
    project.config["MIGRATION_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 3}}
    app = project.create_app()
    with app.app_context():
        from flask_safe_migrations import backends

        assert backends.configured().args == {"timeout": 3, "cached_statements": 5}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"poolclass": None}, "MIGRATION_ENGINE_OPTIONS has poolclass, which the library chooses"),
        ({"creator": len}, "MIGRATION_ENGINE_OPTIONS has creator, which the library chooses"),
        ({"nonsense": 1}, "MIGRATION_ENGINE_OPTIONS cannot be used: Invalid argument(s) 'nonsense' sent to"),
        ("pool_size=3", "MIGRATION_ENGINE_OPTIONS is a dictionary of options for create_engine(), not"),
    ],
)
def test_engine_options_that_cannot_be(project, monkeypatch, options, sentence):
    app = project.create_app()
    app.config["MIGRATION_ENGINE_OPTIONS"] = options
    result = app.test_cli_runner().invoke(args=["db", "upgrade"])
    assert result.exit_code == 1
    assert result.output.strip().count("\n") == 0
    assert sentence in result.output


def test_the_folder_of_snapshots(project):
    project.config["MIGRATION_BACKUP_DIR"] = "snapshots"
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    printed = project.flask("backup")
    (snapshot,) = (project.path / "snapshots").iterdir()
    assert f"Snapshot: snapshots/{snapshot.name}" in printed
    project.sql("INSERT INTO user VALUES (1, 'later')")
    project.flask("restore", "--yes")
    assert project.sql("SELECT count(*) FROM user") == [(0,)]
    assert not (project.path / "instance" / "backups").exists()


def test_the_folder_of_the_client_programs(new_project, server_url, tmp_path):
    project = new_project(server_url("mysql+pymysql"))
    project.flask("init")
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    folder = tmp_path / "programs"
    folder.mkdir()
    project.config["MIGRATION_CLIENT_PROGRAMS"] = str(folder)
    assert project.fails("backup") == (
        f"Error: There is no mariadb-dump in {folder}, the folder MIGRATION_CLIENT_PROGRAMS."
    )
    program = Path(str(shutil.which("mariadb-dump")))
    wrapper = folder / "mariadb-dump"
    wrapper.write_text(f'#!/bin/sh\ntouch {folder}/used\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    project.flask("backup")
    assert (folder / "used").exists()


def test_without_the_list_of_revisions_verify_says_how_it_comes_to_be(project):
    project.flask("new", "-m", "users")
    (project.migrations / "HEAD").unlink()
    printed = project.flask("verify")
    assert (
        "✓ migrations/HEAD matches the revision files\n    there is none yet: it is written with the next"
        in printed
    )
    project.models += UNNAMED
    project.flask("revision", "-m", "by hand")
    assert len((project.migrations / "HEAD").read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["MIGRATION_DATABASE_URL", "SHADOW_DATABASE_URL"])
def test_a_url_that_cannot_be_parsed(project, name):
    project.config[name] = "postgres//owner:secret@host/name"
    sentence = project.fails("status")
    assert sentence == f"Error: {name} is no database URL: write it as postgresql://host/name."


def test_the_shadow_database_is_named_by_a_string(new_project, server_url):
    project = new_project(server_url("postgresql+psycopg"))
    shadow = make_url(project.url).set(database="library_shadow")
    project.config["SHADOW_DATABASE_URL"] = shadow.render_as_string(hide_password=False)
    project.flask("init")
    sentence = project.fails("new", "-m", "users")
    assert (
        "SHADOW_DATABASE_URL leads to" in sentence and 'database "library_shadow" does not exist' in sentence
    )
    create_database(shadow)
    try:
        assert "Proved: " in project.flask("new", "-m", "users")
    finally:
        drop_database(shadow)


@pytest.mark.parametrize("given", ["-5", "nan", "inf", "1e30"])
@pytest.mark.parametrize("name", ["LOCK_TIMEOUT", "STATEMENT_TIMEOUT", "ROW_CHECK_TIMEOUT", "LEASE_SECONDS"])
def test_a_number_of_seconds_that_cannot_be(project, monkeypatch, name, given):
    monkeypatch.setenv(f"MIGRATION_{name}", given)
    assert project.fails("status") == (
        f"Error: MIGRATION_{name} is a number of seconds from 0 to 2000000, not '{given}': correct it."
    )


def test_a_flag_is_on_or_off(project, monkeypatch):
    project.config["MIGRATION_REFUSE_CHANGED"] = "perhaps"
    assert project.fails("status") == "Error: MIGRATION_REFUSE_CHANGED is 1 or 0, not 'perhaps': correct it."
    for given, expected in {
        "on": True,
        "True": True,
        "1": True,
        "off": False,
        "0": False,
        "No": False,
    }.items():
        monkeypatch.setenv("MIGRATION_REFUSE_CHANGED", given)
        assert Settings.from_app(project.create_app()).refuse_changed is expected


def test_former_binds_that_are_no_dictionary(project):
    project.config["FORMER_BINDS"] = "audit"
    assert project.fails("status").startswith("Error: FORMER_BINDS is a dictionary, the old name of each")
