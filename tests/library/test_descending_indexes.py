"""An index in descending order: compared on each engine, and restored as it was."""

import pytest
from histories import ENGINES

MODEL = """
class Item(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    a = db.Column(db.Integer)
    b = db.Column(db.String(200))
    __table_args__ = ({}, db.Index("ix_other", "b"))
"""
# The revision from each to the next one has to work both ways.
INDEXES = [
    'db.Index("ix", db.text("a DESC"))',
    'db.Index("ix", a.desc(), unique=True)',
    'db.Index("ix", "a")',
    'db.Index("ix", a.desc(), "b")',
    'db.Index("no_ix", "a")',
]
WITH_LENGTH = 'db.Index("ix", db.text("b(10) DESC"), "a")'


@pytest.mark.parametrize("engine", ENGINES)
def test_a_descending_index_is_compared_and_restored(project_on, engine):
    project = project_on(engine)
    for index in [*([WITH_LENGTH] if engine == "mariadb" else []), *INDEXES]:
        project.models = MODEL.format(index)
        assert "Proved: up, down and up again" in project.flask("new", "-m", "index")
        assert "Nothing to migrate" in project.flask("new", "-m", "again")


def test_with_names_that_look_like_an_order(project_on):
    project = project_on("mariadb")
    project.models = """
class Item(db.Model):
    __tablename__ = "my items"
    id = db.Column(db.Integer, primary_key=True)
    a = db.Column("a DESC", db.Integer)
    __table_args__ = (db.Index("ix one", a.desc()), db.Index("ix DESC", "a DESC"))
"""
    assert "Proved: up, down and up again" in project.flask("new", "-m", "index")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    project.models = project.models.replace("a.desc()", "id, a.desc()")
    assert "Proved: up, down and up again" in project.flask("new", "-m", "changed")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
