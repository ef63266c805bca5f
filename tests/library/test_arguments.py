"""What a Flask-Migrate project passes to Migrate(…), to env.py or to Alembic is honoured everywhere."""

import logging
import re
from pathlib import Path

import flask_migrate
import pytest

STOCK = Path(flask_migrate.__file__).parent / "templates"
POST = """
class Post(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String(50))
"""


def env(project, **replacements: str) -> None:
    """Change lines of env.py."""
    path = project.migrations / "env.py"
    text = path.read_text()
    for old, new in replacements.items():
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def newest(project) -> str:
    return max(project.versions, key=lambda path: path.stat().st_mtime_ns).read_text()


def test_the_stock_script_py_mako(new_project):
    """`${upgrades}` and `${imports}` are what Alembic's templates ask for."""
    project = new_project()
    project.flask("init")
    stock = (STOCK / "flask" / "script.py.mako").read_text()
    (project.migrations / "script.py.mako").write_text(stock)
    project.flask("new", "-m", "users")
    assert 'op.create_table(\n        "user"' in newest(project)
    project.flask("upgrade")
    project.models += POST
    project.flask("migrate", "-m", "posts")
    project.flask("upgrade")
    project.flask("downgrade", "--yes")
    assert project.sql("SELECT name FROM sqlite_master WHERE name IN ('user', 'post')") == [("user",)]


def test_a_stock_alembic_ini_with_its_logging(project):
    ini = (STOCK / "flask" / "alembic.ini.mako").read_text()
    (project.migrations / "alembic.ini").write_text(ini)
    text = (project.migrations / "env.py").read_text()
    loads = "from logging.config import fileConfig\n"
    text = text.replace("from alembic import", f"{loads}from alembic import")
    text = text.replace("environment =", "fileConfig(context.config.config_file_name)\nenvironment =")
    (project.migrations / "env.py").write_text(text)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        output = project.flask("new", "-m", "users")
        project.models = project.models.replace("unique=True", "unique=True, server_default='x'")
        output += project.flask("new", "-m", "default")
        applied = project.flask("upgrade")
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
    assert "Running upgrade" in applied
    assert "static SQL" not in applied  # of the rehearsal of a revision
    assert "Running upgrade" not in output  # of throwaway databases
    assert "[alembic.autogenerate.compare.tables] Detected added table 'user'" in output
    assert "[flask_safe_migrations.autogenerate] Detected server default on column 'user.email'" in output


@pytest.mark.parametrize("place", ["alembic.ini", "pyproject.toml", "configure"])
def test_several_folders_of_revisions(project, place):
    here = project.path
    folders = [here / "migrations" / "versions", here / "plugin" / "revisions"]
    folders[1].mkdir(parents=True)
    if place == "alembic.ini":
        text = f"[alembic]\npath_separator = newline\nversion_locations =\n  {folders[0]}\n  {folders[1]}\n"
        (project.migrations / "alembic.ini").write_text(text)
    elif place == "pyproject.toml":
        listed = '["%(here)s/migrations/versions", "%(here)s/plugin/revisions"]'
        (here / "pyproject.toml").write_text(f"[tool.alembic]\nversion_locations = {listed}\n")
    else:
        project.models += f"""
@migrate.configure
def configure(config):
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "{folders[0]}\\n{folders[1]}")
    return config
"""
    project.flask("revision", "-m", "first", "--version-path", str(folders[1]))
    (first,) = folders[1].glob("*_first.py")
    # The next one lies beside the newest, as Alembic has it.
    output = project.flask("new", "-m", "users")
    assert re.search(r"Wrote plugin/revisions/\w+_users.py", output)
    (second,) = folders[1].glob("*_users.py")
    second.rename(folders[0] / second.name)
    project.flask("upgrade")
    assert "Pending   nothing" in project.flask("status")
    listed = (project.migrations / "HEAD").read_text()
    assert [line.split()[0] for line in listed.splitlines()[1:]] == [
        path.name.partition("_")[0] for path in (first, second)
    ]
    assert "✗" not in project.flask("verify")
    assert "Nothing to do" in project.flask("upgrade")
    # What is found without Alembic looks into all folders.
    before = first.read_text()
    first.write_text(before + "\n# changed\n")
    project.flask("upgrade")
    (folders[0] / "9f_double.py").write_text(first.read_text())
    assert "have the same id" in project.fails("upgrade")
    (folders[0] / "9f_double.py").unlink()
    project.flask("squash", "--yes")
    assert [path.name for path in folders[1].glob("*.py")] == []
    (baseline,) = folders[0].glob("*.py")
    assert "replaces" in baseline.read_text()
    project.flask("squash", "--undo")
    assert first.is_file()
    assert (folders[0] / second.name).is_file()
    assert not baseline.exists()


@pytest.mark.parametrize("place", ["Migrate", "env.py"])
def test_another_version_table(project, place):
    if place == "Migrate":
        project.arguments = "version_table='schema_version'"
    else:
        env(
            project,
            **{"    compare_type=True,": "    compare_type=True,\n    version_table='schema_version',"},
        )
    project.flask("new", "-m", "users")
    (users,) = project.versions
    project.flask("upgrade")
    project.models += POST
    project.flask("new", "-m", "posts")
    assert "Pending   " in project.flask("status")
    project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM schema_version") == [(1,)]
    assert project.sql("SELECT name FROM sqlite_master WHERE name = 'alembic_version'") == []
    assert "✗" not in project.flask("verify")
    project.flask("downgrade", "--yes")
    project.sql("DELETE FROM schema_version")
    project.sql("DROP TABLE migration_applied_schema_version")
    output = project.flask("adopt", "--at", users.name[:12])
    assert "Adopted" in output
    project.flask("rebuild")
    assert "Pending   nothing" in project.flask("status")


def test_a_version_table_in_a_schema(new_project, server_url):
    project = new_project(server_url("postgresql+psycopg"))
    project.arguments = "version_table='shop_version', version_table_schema='bookkeeping'"
    project.flask("init")
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM bookkeeping.shop_version") == [(1,)]
    project.models += POST
    assert "Wrote migrations/versions/" in project.flask("new", "-m", "posts")
    assert "shop_version" not in newest(project)
    project.flask("upgrade")
    assert "Pending   nothing" in project.flask("status")
    assert "✗" not in project.flask("verify")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.flask("downgrade", "--yes")
    project.flask("rebuild")
    assert "Pending   nothing" in project.flask("status")
    project.sql("DELETE FROM bookkeeping.shop_version")
    assert "Adopted" in project.flask("adopt")
    project.flask("check")


def test_a_version_table_in_another_database_is_refused(project):
    project.arguments = "version_table_schema='other'"
    output = project.fails("upgrade")
    assert output == (
        "Error: version_table_schema is 'other', and in SQLite that would be another database, which no "
        "snapshot and no shadow database holds: remove it."
    )
    project.arguments = "version_table_schema='main'"
    project.flask("upgrade")


@pytest.mark.parametrize("name", ["transactional_ddl", "transaction_per_migration"])
def test_what_would_break_the_transaction_is_refused(project, name):
    project.arguments = f"{name}=True"
    output = project.fails("upgrade")
    assert output.startswith(f"Error: {name} is not yours to set: the library chooses it")


def test_include_object_and_include_name(project):
    project.models += POST
    project.models += """
def include_object(item, name, kind, reflected, other):
    return not (kind == "table" and name == "post")

def include_name(name, kind, parents):
    return not (kind == "table" and name == "legacy")
"""
    project.arguments = (
        "include_object=lambda *a: include_object(*a), include_name=lambda *a: include_name(*a)"
    )
    project.flask("new", "-m", "users")
    assert "post" not in newest(project)
    project.flask("upgrade")
    project.sql("CREATE TABLE legacy (id INTEGER PRIMARY KEY)")
    project.sql("CREATE TABLE post (id INTEGER PRIMARY KEY)")
    project.flask("check")
    assert "✗" not in project.flask("verify")


def test_include_schemas_compares_the_schemas_of_the_models(new_project, server_url):
    project = new_project(server_url("postgresql+psycopg"))
    project.arguments = "include_schemas=True"
    project.models += POST.replace(
        "    id", "    __tablename__ = 'post'\n    __table_args__ = {'schema': 'blog'}\n    id", 1
    )
    project.flask("init")
    project.flask("new", "-m", "both")
    project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM blog.post") == [(0,)]
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "✗" not in project.flask("verify")
    # The last model of a schema goes: the table is found nevertheless.
    project.models = project.models.partition("class Post")[0]
    project.flask("new", "-m", "no posts", "--drop", "blog.post")
    assert "drop_table" in newest(project)


def test_the_default_of_an_enum_in_a_schema_is_written_once(project_on):
    project = project_on("postgresql")
    project.arguments = "include_schemas=True"
    project.models = """
class Letter(db.Model):
    __table_args__ = {"schema": "My blog"}
    id = db.Column(db.Integer, primary_key=True)
    kind = db.Column(db.Enum("a", "b", name="kind", schema="My blog"), server_default="a")
    count = db.Column(db.Numeric(9, 2), server_default="1")
    during = db.Column(db.Interval, server_default="1 day")
"""
    project.flask("new", "-m", "letters")
    project.models = project.models.replace('"1")', '"2")')
    project.flask("new", "-m", "two")
    assert "kind" not in newest(project)
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


@pytest.mark.parametrize("given", ["compare_type=False", "compare_type=lambda *a: False"])
def test_compare_type_may_say_no(project, given):
    project.flask("new", "-m", "users")
    project.models = project.models.replace("String(120)", "String(200)")
    project.arguments = given
    assert "Nothing to migrate" in project.flask("new", "-m", "wider")
    project.arguments = "compare_type=lambda *a: None"
    project.flask("new", "-m", "wider")
    assert "length=200" in newest(project)


@pytest.mark.parametrize("given", ["compare_server_default=False", "compare_server_default=lambda *a: False"])
def test_compare_server_default_may_say_no(project, given):
    project.flask("new", "-m", "users")
    project.models = project.models.replace("unique=True", "unique=True, server_default='x'")
    project.arguments = given
    assert "Nothing to migrate" in project.flask("new", "-m", "default")
    project.arguments = ""
    project.flask("new", "-m", "default")
    assert "server_default" in newest(project)


def test_without_batch_mode(new_project, server_url):
    project = new_project(server_url("postgresql+psycopg"))
    project.flask("init")
    project.flask("new", "-m", "users")
    project.models = project.models.replace("nullable=False, ", "")
    project.arguments = "render_as_batch=False"
    project.flask("new", "-m", "optional")
    assert "batch_alter_table" not in newest(project)
    assert "op.alter_column(" in newest(project)
    project.flask("upgrade")


def test_the_prefix_of_the_applications_own_types(project):
    project.models += """
class Title(db.TypeDecorator):
    impl = db.String
    cache_ok = True

class Book(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(Title(40))
"""
    project.arguments = "user_module_prefix='types_of_shop.'"
    output = project.fails("new", "-m", "books")
    assert "types_of_shop.Title(length=40)" in newest(project)
    assert "Not proved" in output


def test_the_applications_hook_sees_and_changes_what_is_written(project):
    project.models += """
def hook(context, revision, directives):
    script = directives[0]
    if script.upgrade_ops.is_empty():
        directives[:] = []
        return
    script.rev_id = "0001"
    script.upgrade_ops.ops.append(ops.ExecuteSQLOp("UPDATE user SET id = 1 WHERE id = -1"))

from alembic.operations import ops
"""
    project.arguments = "process_revision_directives=lambda *a: hook(*a)"
    project.flask("new", "-m", "users")
    (revision,) = project.versions
    assert revision.name == "0001_users.py"
    assert "UPDATE user" in revision.read_text()
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")


def test_a_hook_that_makes_two_revisions_of_one(project):
    project.models += """
from alembic.operations import ops

def hook(context, revision, directives):
    directives.append(ops.MigrationScript("0002", ops.UpgradeOps([]), ops.DowngradeOps([])))
"""
    project.arguments = "process_revision_directives=lambda *a: hook(*a)"
    assert "has made 2 revisions of one" in project.fails("new", "-m", "users")
    assert project.versions == []


def test_configure_callbacks_change_the_configuration(project):
    project.models += """
@migrate.configure
def configure(config):
    config.set_main_option("file_template", "of_the_callback_%%(rev)s")
    return config
"""
    project.flask("new", "-m", "users")
    assert project.versions[0].name.startswith("of_the_callback_")


def test_the_history_of_multidb(new_project):
    """upgrade(engine_name) calls upgrade_() for the default database, upgrade_<bind>() for the others."""
    project = new_project()
    log_url = f"sqlite:///{project.path}/instance/log_dev.db"
    project.config["SQLALCHEMY_BINDS"] = {"log": log_url}
    project.models += POST.replace("    id", "    __bind_key__ = 'log'\n    id", 1)
    project.flask("init")
    stock = (STOCK / "flask-multidb" / "script.py.mako").read_text()
    (project.migrations / "script.py.mako").write_text(stock)
    project.flask("new", "-m", "both")
    text = newest(project)
    assert "def upgrade(engine_name):" in text
    user, post = text.split("def upgrade_log()")
    assert '"user"' in user
    assert '"post"' in post
    assert '"user"' not in post
    project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM user") == [(0,)]
    assert project.sql("SELECT count(*) FROM post", log_url) == [(0,)]
    project.models = project.models.replace("String(50)", "String(60)")
    project.flask("new", "-m", "longer titles")
    project.flask("upgrade")
    assert "✗" not in project.flask("verify")
    project.flask("downgrade", "--yes", "base")
    assert project.sql("SELECT name FROM sqlite_master WHERE name = 'user'") == []
    assert project.sql("SELECT name FROM sqlite_master WHERE name = 'post'", log_url) == []


def test_several_databases_need_a_script_py_mako_that_has_a_place_for_them(new_project):
    project = new_project()
    project.config["SQLALCHEMY_BINDS"] = {"log": f"sqlite:///{project.path}/instance/log_dev.db"}
    project.models += POST.replace("    id", "    __bind_key__ = 'log'\n    id", 1)
    project.flask("init")
    stock = (STOCK / "flask" / "script.py.mako").read_text()
    (project.migrations / "script.py.mako").write_text(stock)
    output = project.fails("new", "-m", "both")
    assert "script.py.mako has no place for what changes in the database log" in output
    project.flask("init", "--replace")
    project.flask("new", "-m", "both")
    assert "def upgrade_log()" in newest(project)
