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


ADDED = MODELS.replace(
    "class Book(db.Model):", "class Book(db.Model):\n    name = db.Column(db.String(80))"
).replace(
    '.ForeignKey("shelf.id"))',
    '.ForeignKey("shelf.id"))\n    next_id = db.Column(db.Integer, db.ForeignKey("book.id"))\n'
    '    __table_args__ = (db.UniqueConstraint("name", "shelf_id"),)',
)


@pytest.fixture
def without(project_on):
    """`without("mariadb")` gives a project without a naming convention, with a database."""

    def without(engine):
        project = project_on(engine)
        project.metadata, project.models = "", MODELS
        project.flask("new", "-m", "start")
        project.flask("upgrade")
        return project

    return without


@pytest.mark.parametrize("engine", ENGINES)
def test_new_constraints_get_a_name(without, engine):
    project = without(engine)
    project.models = ADDED
    assert "Proved" in project.flask("new", "-m", "more")
    text = "".join(path.read_text() for path in project.versions)
    assert "fk_book_next_id_book" in text and "uq_book_name_shelf_id" in text and "None, [" not in text
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "nothing")
    project.models = MODELS
    assert "Proved" in project.flask("new", "-m", "less", "--drop", "book.next_id", "--drop", "book.name")
    project.flask("upgrade")
    project.flask("downgrade", "--yes", "base")


@pytest.mark.parametrize("change", [(", unique=True", ""), ('"shelf.id"', '"shelf.id", ondelete="CASCADE"')])
def test_what_has_no_name_cannot_be_dropped(without, change):
    project = without("sqlite")
    project.models = MODELS.replace(*change)
    for command in (["new", "-m", "less"], ["migrate"]):
        sentence = project.fails(*command)
        assert "has no name, so no revision can drop it: give the models a naming convention" in sentence
    assert len(project.versions) == 1
    assert "✗ the models match the revisions" in project.run("verify").output


def test_a_column_with_a_unique_constraint_without_a_name(without):
    """It is renamed together with its column, but the way back from its drop could not create it."""
    project = without("sqlite")
    project.models = MODELS.replace("name = ", "title = ")
    assert "Proved" in project.flask("new", "-m", "title", "--rename", "shelf.name:title")
    project.flask("upgrade")
    convention = "metadata=MetaData(naming_convention=NAMING_CONVENTION)"
    project.models = MODELS.replace("    name = db.Column(db.String(80), unique=True)\n", "")
    drop = ["new", "-m", "less", "--drop", "shelf.title"]
    assert "unique constraint of shelf (title) has no name, so no revision can drop it" in project.fails(
        *drop
    )
    project.metadata = convention
    project.flask("adopt", "--yes")
    assert "Proved" in project.flask(*drop)
    project.flask("upgrade")
    project.flask("downgrade")
