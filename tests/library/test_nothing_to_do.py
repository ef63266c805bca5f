"""`flask db upgrade` that finds nothing pending loads neither Alembic nor takes the lock.

Whatever could still be pending has to lead to a complete run.
"""

import shutil
import sys

import pytest


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


def test_migrations_go_to_another_database(at_head):
    at_head.config["MIGRATION_DATABASE_URL"] = f"sqlite:///{at_head.path}/instance/other_dev.db"
    assert "Nothing to do" not in at_head.flask("upgrade")
    assert at_head.sql("SELECT count(*) FROM user", at_head.config["MIGRATION_DATABASE_URL"]) == [(0,)]


def test_a_bind_is_added(at_head):
    at_head.config["SQLALCHEMY_BINDS"] = {"log": f"sqlite:///{at_head.path}/instance/log_dev.db"}
    at_head.flask("upgrade")
    assert (at_head.path / "instance" / "log_dev.db").exists()
