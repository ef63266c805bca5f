"""A project whose models get their naming convention when databases exist already, as most tutorials end."""

import pytest
from histories import ENGINES, stored_revision

MODELS = """
class Shelf(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(80), unique=True)

class Book(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    shelf_id = db.Column(db.Integer, db.ForeignKey("shelf.id"))
"""
CHANGED = MODELS.replace(", unique=True", "").replace('"shelf.id"', '"shelf.id", ondelete="CASCADE"')


@pytest.fixture
def named_later(project_on):
    """`named_later("mariadb")` gives a project whose database was migrated before it had the convention."""

    def named_later(engine):
        project = project_on(engine)
        convention, project.metadata = project.metadata, ""
        project.models = MODELS
        project.flask("new", "-m", "start")
        project.flask("upgrade")
        project.sql("INSERT INTO shelf (id, name) VALUES (1, 'a')")
        project.sql("INSERT INTO book (id, shelf_id) VALUES (1, 1)")
        project.metadata = convention
        return project

    return named_later


@pytest.mark.parametrize("engine", ENGINES)
def test_a_database_at_head_gets_the_names(named_later, engine):
    project = named_later(engine)
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    assert "not named as in the revisions" in project.run("verify").output
    assert "`flask db adopt --yes`" in project.fails("adopt")
    assert "Renamed " in project.flask("adopt", "--yes")
    assert "Nothing to adopt" in project.flask("adopt")
    assert "not named as in the revisions" not in project.run("verify").output
    assert project.sql("SELECT shelf_id FROM book") == [(1,)]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_revision_that_drops_such_a_constraint(named_later, engine):
    """It runs on a shadow database, whose constraints have the names; the sentence says why not here."""
    project = named_later(engine)
    project.models = CHANGED
    assert "Proved" in project.flask("new", "-m", "change")
    assert "naming convention is newer than this database, run `flask db adopt`" in project.fails("upgrade")
    before = stored_revision(project)
    project.flask("adopt", "--yes")
    assert stored_revision(project) == before
    project.flask("upgrade")
    project.sql("INSERT INTO shelf (id, name) VALUES (2, 'a')")
    project.sql("DELETE FROM shelf WHERE id = 2")
    project.flask("downgrade", "--yes", "base")
