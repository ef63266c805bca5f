"""`flask db init` writes this library's env.py; `--replace` puts it in the place of Flask-Migrate's."""

from pathlib import Path

import flask_migrate

from flask_safe_migrations.cli.init import read_shipped

TEMPLATE = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}" / "migrations"
STOCK = Path(flask_migrate.__file__).parent / "templates"


def test_a_new_folder_serves_the_first_revision(project):
    assert sorted(path.name for path in project.migrations.iterdir()) == [
        "env.py",
        "script.py.mako",
        "versions",
    ]
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM user") == [(0,)]
    assert "Pending   nothing" in project.flask("status")


def test_the_template_has_the_same_script_py_mako():
    assert (TEMPLATE / "script.py.mako").read_text() == read_shipped("script.py.mako")


def test_the_env_py_of_the_template_has_the_same_options():
    options = [line for line in read_shipped("env.py.txt").splitlines() if "=True," in line]
    assert len(options) == 3
    for line in options:
        assert line in (TEMPLATE / "env.py").read_text()


def test_a_folder_that_is_there_is_not_overwritten(project):
    before = (project.migrations / "env.py").read_text()
    (project.migrations / "env.py").write_text(before + "# mine\n")
    output = project.fails("init")
    assert output == (
        "Error: migrations/env.py is there already, and nothing was changed: `flask db init --replace` puts "
        "this library's in its place, and keeps yours."
    )
    assert (project.migrations / "env.py").read_text().endswith("# mine\n")


def test_replace_keeps_what_was_there(new_project):
    project = new_project()
    versions = project.migrations / "versions"
    versions.mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        (project.migrations / name).write_text((STOCK / "flask" / name).read_text())
    output = project.fails("upgrade")
    assert "migrations/env.py runs revisions without flask-safe-migrations" in output
    assert "`flask db init --replace`" in output
    project.flask("init", "--replace")
    for name in ("env.py", "script.py.mako"):
        assert (project.migrations / f"{name}.old").read_text() == (STOCK / "flask" / name).read_text()
    project.flask("upgrade")


def test_what_flask_migrate_asks_for_several_databases_is_not_needed(new_project):
    project = new_project()
    assert "--multidb is not needed" in project.fails("init", "--multidb", code=2)
    assert "-t flask names an env.py" in project.fails("init", "-t", "flask", code=2)
    assert not project.migrations.exists()


def test_another_directory(new_project):
    project = new_project()
    project.flask("init", "-d", "other", "--package")
    assert (project.path / "other" / "versions" / "__init__.py").is_file()
    project.flask("new", "-d", "other", "-m", "users")
    (revision,) = (project.path / "other" / "versions").glob("*_users.py")
    assert (project.path / "other" / "HEAD").is_file()
    project.flask("upgrade", "-d", "other")
    assert revision.name.partition("_")[0] in project.flask("-d", "other", "status")
    assert not project.migrations.exists()
