"""`flask db rebase` takes back revisions of the development database: no rows go without a question."""

import re
from contextlib import nullcontext

import pytest
from histories import ENGINES, MODEL, TABLE, stored_revision, write_revision

from flask_safe_migrations import MigrationError, api

NOT_CHANGED = pytest.raises(MigrationError, match="Nothing was changed")


@pytest.fixture
def branched(project_on):
    """`branched(engine, rows)`: "mine" is applied and its table holds rows; "theirs" is beside it."""

    def branched(engine, rows):
        project = project_on(engine)
        project.models = "".join(MODEL.format(name) for name in ("First", "Mine", "Theirs"))
        write_revision(project, "first", TABLE.format("first"))
        mine = write_revision(project, "mine", TABLE.format("mine"))
        project.flask("upgrade")
        for number in range(rows):
            project.sql(f"INSERT INTO mine VALUES ({number + 1})")
        text = mine.read_text()
        mine.unlink()
        write_revision(project, "theirs", TABLE.format("theirs"))
        mine.write_text(text)
        return project

    return branched


def snapshots(project):
    return list((project.path / "instance").glob("backups/*"))


@pytest.mark.parametrize("engine", ENGINES)
def test_F13_rebase_asks_before_it_deletes_rows(branched, engine):
    project = branched(engine, 3)
    texts = [path.read_text() for path in project.versions]
    sentence = project.fails("rebase", "--move", "mine")
    assert re.search(r"\bmine \(3 rows\)", sentence)
    assert "--yes" in sentence
    assert project.sql("SELECT id FROM mine ORDER BY id") == [(1,), (2,), (3,)]
    assert stored_revision(project) == "mine"
    assert [path.read_text() for path in project.versions] == texts


@pytest.mark.parametrize("engine", ENGINES)
def test_F13_rebase_takes_a_snapshot_of_what_it_deletes(branched, engine):
    project = branched(engine, 3)
    assert project.run("rebase", "--move", "mine", "--yes").exit_code == 0
    assert len(snapshots(project)) == 1
    assert stored_revision(project) == "first"
    project.flask("restore", "--yes")
    assert project.sql("SELECT id FROM mine ORDER BY id") == [(1,), (2,), (3,)]


class Person(api.Reporter):
    can_ask = True

    def __init__(self, answer):
        self.answer = answer
        self.questions = []

    def confirm(self, question, *, from_pipe=False):
        self.questions.append(question)
        return self.answer


@pytest.mark.parametrize("answer", [True, False])
def test_F13_on_a_terminal_it_is_asked(branched, answer):
    project, person = branched("sqlite", 3), Person(answer)
    with project.create_app().app_context(), api.report_to(person), nullcontext() if answer else NOT_CHANGED:
        api.rebase("mine")
    (question,) = person.questions
    assert "mine (3 rows)" in question
    assert stored_revision(project) == ("first" if answer else "mine")


@pytest.mark.parametrize("engine", ENGINES)
def test_F13_rebase_asks_nothing_where_there_are_no_rows(branched, engine):
    project = branched(engine, 0)
    project.flask("rebase", "--move", "mine")
    assert stored_revision(project) == "first"
    project.flask("upgrade")
    assert stored_revision(project) == "mine"


@pytest.mark.parametrize("engine", ENGINES)
def test_F13_undo_foreign_takes_a_snapshot_of_what_it_deletes(branched, engine):
    project = branched(engine, 3)
    (mine,) = [path for path in project.versions if "mine" in path.name]
    mine.unlink()
    project.flask("upgrade", "--undo-foreign")
    assert stored_revision(project) == "theirs"
    assert len(snapshots(project)) >= 1
