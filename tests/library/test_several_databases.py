"""Several databases: what is reported where one of them does not answer, is ahead, or fails."""

import json
import subprocess
import sys

import pytest
from sqlalchemy import make_url

AUDIT = """
class Event(db.Model):
    __bind_key__ = "audit"
    id = db.Column(db.Integer, primary_key=True)
"""


def audit_url(project) -> str:
    return f"sqlite:///{project.path}/instance/audit_dev.db"


def heads(project) -> list[str]:
    query = "SELECT version_num FROM alembic_version"
    return [project.sql(query, url)[0][0] for url in (project.url, audit_url(project))]


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mariadb+pymysql"])
@pytest.mark.parametrize("command", ["status", "upgrade", "verify"])
def test_a_bind_that_does_not_answer_is_named_by_its_setting(project, driver, command):
    project.flask("new", "-m", "users")
    project.config["SQLALCHEMY_BINDS"] = {"audit": f"{driver}://anna@127.0.0.1:1/audit"}
    project.models += AUDIT
    sentence = project.fails(command).splitlines()[-1]
    assert "at 127.0.0.1:1 does not answer: start " in sentence
    assert "SQLALCHEMY_BINDS['audit']" in sentence and " DATABASE_URL" not in sentence


def test_status_shows_the_databases_that_answer(project):
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    project.config["SQLALCHEMY_BINDS"] = {"audit": "postgresql+psycopg://anna@127.0.0.1:1/audit"}
    result = project.run("status")
    lines = result.output.splitlines()
    assert result.exit_code == 1 and "Pending   nothing" in lines
    shown = [
        "Bind      audit",
        "Engine    PostgreSQL",
        "Database  postgresql+psycopg://anna@127.0.0.1:1/audit",
    ]
    assert lines[-5:-1] == [*shown, "Revision  unknown"]
    assert lines[-1].startswith("Error: PostgreSQL at 127.0.0.1:1 does not answer")
    document = json.loads(project.run("status", "--json").stdout)
    assert not document["ok"] and [each["exists"] for each in document["databases"]] == [True, None]
    assert "does not answer" in document["databases"][1]["problem"]


def test_status_shows_all_databases_after_one_that_is_ahead(project):
    project.models += AUDIT
    project.config["SQLALCHEMY_BINDS"] = {"audit": audit_url(project)}
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    project.sql("UPDATE alembic_version SET version_num = 'fffffffffff1'")
    printed = project.run("status").output
    assert "Bind      audit" in printed and "Pending   nothing" in printed
    assert "Error: " in printed.splitlines()[-1] and "shop_dev.db is at revision fffffffffff1" in printed
    project.sql("UPDATE alembic_version SET version_num = 'fffffffffff2'", audit_url(project))
    result = project.run("status")
    printed = result.output
    assert result.exit_code == 1 and printed.count("Error: ") == 2
    assert "is at revision fffffffffff1" in printed and "is at revision fffffffffff2" in printed


def test_a_relative_downgrade_that_failed_in_one_database_is_not_repeated_in_the_others(project, monkeypatch):
    """`downgrade`, and then `downgrade --yes` as the error says, took the first database back by two."""
    project.config["SQLALCHEMY_BINDS"] = {"audit": audit_url(project)}
    project.models += AUDIT
    ids = []
    for column in ("", "one", "two"):
        if column:
            project.models = project.models.replace(
                "unique=True)", f"unique=True)\n    {column} = db.Column(db.Text)"
            )
            project.models += f"    {column} = db.Column(db.Text)\n"
        project.flask("new", "-m", f"with {column or 'none'}")
        ids.append(project.migrations.joinpath("HEAD").read_text().splitlines()[-1].split()[0])
    project.flask("upgrade")
    project.sql("INSERT INTO event (two) VALUES ('kept')", audit_url(project))
    monkeypatch.setenv("FLASK_DEBUG", "0")
    assert "This downgrade loses event.two (1 value)" in project.fails("downgrade")
    assert heads(project) == [ids[1], ids[2]]
    for command in (("downgrade", "--yes"), ("upgrade", "+1")):
        sentence = project.fails(*command)
        assert f"default at {ids[1]} (with one), audit at {ids[2]} (with two)" in sentence
        assert "name the revision instead, or one of the databases with --bind." in sentence
        assert heads(project) == [ids[1], ids[2]]
    project.flask("downgrade", ids[1], "--yes")
    assert heads(project) == [ids[1], ids[1]]
    project.flask("downgrade")
    assert heads(project) == [ids[0], ids[0]]
    assert f"is at {ids[0]} (with none), which does not come after {ids[2]}" in project.fails(
        "downgrade", ids[2]
    )


def test_older_code_in_production(project, monkeypatch):
    """A deployment that was rolled back: what helps in development is neither offered nor possible there."""
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    project.versions[0].unlink()
    (project.migrations / "HEAD").unlink()
    assert "--undo-foreign" in project.fails("status")
    monkeypatch.setenv("FLASK_DEBUG", "0")
    for command in ("status", "upgrade"):
        sentence = project.fails(command)
        assert "Deploy the code that has it again" in sentence
        assert "rebuild" not in sentence and "--undo-foreign" not in sentence


@pytest.mark.parametrize(
    ("engine", "option", "reason"),
    [
        (
            "postgresql",
            "sslmode=bogus",
            "cannot be used with its options (connection is bad: invalid sslmode",
        ),
        (
            "postgresql",
            "nonsense=1",
            'cannot be used with its options (invalid connection option "nonsense"): ',
        ),
        ("postgresql", "connect_timeout=soon", "could not convert string to float: 'soon'"),
        ("mariadb", "nonsense=1", "got an unexpected keyword argument 'nonsense'"),
        (
            "mariadb",
            "ssl_ca=/nowhere",
            "pymysql cannot use an option of SQLALCHEMY_BINDS['audit'] or of connect_args: ",
        ),
        ("mariadb", "charset=bogus", "'NoneType' object has no attribute 'encoding'"),
    ],
)
def test_an_option_that_the_driver_cannot_use(project, request, engine, option, reason):
    server = request.getfixturevalue(engine)
    project.flask("new", "-m", "users")
    project.config["SQLALCHEMY_BINDS"] = {"audit": f"{driver_url(server)}?{option}"}
    for command in ("status", "upgrade"):
        sentence = project.fails(command)
        assert reason in sentence and "SQLALCHEMY_BINDS['audit']" in sentence


def driver_url(server) -> str:
    drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mariadb+pymysql", "mysql": "mariadb+pymysql"}
    url = make_url(server.url("options_dev"))
    return url.set(drivername=drivers[url.get_backend_name()]).render_as_string(hide_password=False)


@pytest.mark.parametrize("driver", ["postgresql+psycopg", "mariadb+pymysql"])
def test_a_server_without_a_database(project, driver):
    project.config["SQLALCHEMY_BINDS"] = {"audit": f"{driver}://anna@127.0.0.1:1/"}
    sentence = "SQLALCHEMY_BINDS['audit'] names a server but no database: add /name at its end."
    assert project.fails("status") == f"Error: {sentence}"
    project.config["SQLALCHEMY_BINDS"] = {}
    project.config["MIGRATION_DATABASE_URL"] = f"{driver}://anna@127.0.0.1:1/"
    assert "MIGRATION_DATABASE_URL names a server but no database" in project.fails("upgrade")


def test_the_api_prints_nothing(project):
    """In a process of its own: Alembic has the standard output that was there when it was imported."""
    project.config["SQLALCHEMY_BINDS"] = {"audit": audit_url(project)}
    project.models += AUDIT
    project.flask("new", "-m", "users")
    code = f"import {project.name} as shop; from flask_safe_migrations import api\n"
    code += "with shop.create_app().app_context(): names = [each.name for each in api.upgrade()]\n"
    code += "assert names == ['default', 'audit'], names"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project.path, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
