"""`flask db upgrade` that finds nothing pending loads neither Alembic nor takes the lock.

Whatever could still be pending has to lead to a complete run.
"""

import json
import re
import shutil
import sys

import pytest
from histories import write_revision

from flask_safe_migrations.readiness import nothing_to_do

HALF = """    op.execute("CREATE TABLE first_half (id INTEGER)")
    op.execute("DROP TABLE nosuch")
"""


@pytest.fixture
def at_head(project):
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    assert "Nothing to do" in project.flask("upgrade")
    return project


def test_it_does_not_load_alembic(at_head, monkeypatch):
    monkeypatch.setitem(sys.modules, "alembic.command", None)  # an import of it would fail
    assert "Nothing to do" in at_head.flask("upgrade")


def test_the_database_is_gone_with_its_folder(new_project):
    project = new_project()
    project.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{project.path}/data/shop_dev.db"
    (project.path / "data").mkdir()
    project.flask("init")
    project.flask("new", "-m", "users")
    project.flask("upgrade")
    assert "Nothing to do" in project.flask("upgrade")
    shutil.rmtree(project.path / "data")
    sentence = project.fails("upgrade")
    assert "cannot be opened: make its folder" in sentence
    (project.path / "data").mkdir()
    assert "Nothing to do" not in project.flask("upgrade")
    assert project.sql("SELECT count(*) FROM user") == [(0,)]


def test_looking_creates_no_file(at_head):
    """A database that is gone is created by a complete run only."""
    (at_head.path / "instance" / "shop_dev.db").unlink()
    app = at_head.create_app()
    with app.app_context():
        assert nothing_to_do(app) is None
    assert not (at_head.path / "instance" / "shop_dev.db").exists()


def test_migrations_go_to_another_database(at_head):
    at_head.config["MIGRATION_DATABASE_URL"] = f"sqlite:///{at_head.path}/instance/other_dev.db"
    assert "Nothing to do" not in at_head.flask("upgrade")
    assert at_head.sql("SELECT count(*) FROM user", at_head.config["MIGRATION_DATABASE_URL"]) == [(0,)]


def test_a_restored_snapshot_has_the_same_head_and_not_all_below_it(at_head):
    """A rebase has moved the head on top of another revision since the snapshot was taken."""
    (users,) = at_head.versions
    write_revision(at_head, "mine", "def upgrade():\n    pass\ndef downgrade():\n    pass\n")
    at_head.flask("upgrade")
    at_head.flask("backup")
    theirs = users.with_name("theirs.py")
    first = users.name.partition("_")[0]
    theirs.write_text(f'revision = "theirs"\ndown_revision = "{first}"\ndef upgrade():\n    pass\n')
    mine = next(path for path in at_head.versions if "mine" in path.name)
    mine.write_text(re.sub(r"^down_revision.*$", 'down_revision = "theirs"', mine.read_text(), flags=re.M))
    at_head.flask("upgrade", "--undo-foreign")
    assert "Nothing to do" in at_head.flask("upgrade")
    at_head.flask("restore", "--yes")
    assert "has mine from another branch, or in another place of the chain" in at_head.fails("upgrade")


def test_a_run_without_pending_revisions_is_remembered_as_well(at_head):
    (path,) = at_head.versions
    path.write_text(path.read_text() + "# a remark\n")
    app = at_head.create_app()
    with app.app_context():
        assert nothing_to_do(app) is None
    assert "Nothing to do" in at_head.flask("upgrade")
    with app.app_context():
        assert nothing_to_do(app)


def test_what_an_earlier_release_has_remembered(at_head):
    """It is read without an error, and does not count."""
    file = at_head.path / "instance" / "at_head.json"
    known = json.loads(file.read_text())
    file.write_text(
        json.dumps(
            {name: [head, signature, folder] for name, (head, signature, _, _, folder) in known.items()}
        )
    )
    app = at_head.create_app()
    with app.app_context():
        assert nothing_to_do(app) is None
    assert "Nothing to do" in at_head.flask("upgrade")


def test_a_bind_is_added(at_head):
    at_head.config["SQLALCHEMY_BINDS"] = {"log": f"sqlite:///{at_head.path}/instance/log_dev.db"}
    at_head.flask("upgrade")
    assert (at_head.path / "instance" / "log_dev.db").exists()


@pytest.fixture
def on_mariadb(new_project, server_url):
    project = new_project(server_url("mariadb+pymysql"))
    project.flask("init")
    project.flask("new", "-m", "users")
    return project


def break_function(path, name):
    """Let upgrade() or downgrade() of a revision fail after its first statement."""
    head, _, tail = path.read_text().partition(f"def {name}() -> None:\n")
    path.write_text(f"{head}def {name}() -> None:\n{HALF}{tail}")


def test_a_downgrade_that_stopped_half_way(on_mariadb):
    """The version table still holds the head, but the schema is no longer that of the head."""
    (path,) = on_mariadb.versions
    text = path.read_text()
    break_function(path, "downgrade")
    on_mariadb.flask("upgrade")
    assert "Nothing to do" in on_mariadb.flask("upgrade")
    on_mariadb.fails("downgrade", "--yes")
    assert on_mariadb.sql("SHOW TABLES LIKE 'first_half'")
    revision = path.name.partition("_")[0]
    sentence = (
        f"Error: The downgrade of {revision} stopped half-way: `flask db downgrade` with its file "
        "resumes it, `flask db resume --abandon` gives it up."
    )
    assert on_mariadb.fails("upgrade") == on_mariadb.fails("status") == sentence
    path.write_text(path.read_text().replace('    op.execute("DROP TABLE nosuch")\n', ""))
    on_mariadb.flask("downgrade", "--yes")
    path.write_text(text)
    on_mariadb.flask("upgrade")
    assert "Pending   nothing" in on_mariadb.flask("status")


def test_the_file_of_a_half_applied_revision_is_gone(on_mariadb):
    """Somebody has checked out another branch: the database is at the head of that branch."""
    on_mariadb.flask("upgrade")
    on_mariadb.models = on_mariadb.models.replace(
        "unique=True)", "unique=True)\n    nick = db.Column(db.Text)"
    )
    on_mariadb.flask("new", "-m", "nick")
    (path,) = (path for path in on_mariadb.versions if path.name.endswith("_nick.py"))
    break_function(path, "upgrade")
    on_mariadb.fails("upgrade")
    revision = path.name.partition("_")[0]
    sentence = (
        f"Error: Revision {revision} is half applied: `flask db upgrade` with its file resumes it, "
        "`flask db resume --abandon` gives it up."
    )
    assert on_mariadb.fails("status") == sentence
    path.rename(on_mariadb.path / path.name)
    assert on_mariadb.fails("upgrade") == on_mariadb.fails("status") == sentence


def test_a_statement_that_failed_may_change_after_the_revision_has_read_the_schema(on_mariadb):
    """SQLAlchemy switches the error events of a connection off when it reflects a table."""
    (path,) = on_mariadb.versions
    text = path.read_text()
    look = '    import sqlalchemy\n    sqlalchemy.inspect(op.get_bind()).get_columns("first_half")\n'
    half = HALF.replace('    op.execute("DROP', f'{look}    op.execute("DROP')
    path.write_text(text.replace("def upgrade() -> None:\n", f"def upgrade() -> None:\n{half}"))
    assert path.read_text() != text
    on_mariadb.fails("upgrade")
    path.write_text(path.read_text().replace('"DROP TABLE nosuch"', '"DROP TABLE first_half"'))
    on_mariadb.flask("upgrade")
    assert on_mariadb.sql("SHOW TABLES LIKE 'first_half'") == []
