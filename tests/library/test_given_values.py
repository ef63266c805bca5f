"""A value given with `--default` is stored in the form that the column's own type writes and finds."""

import datetime
import sys
import uuid
from decimal import Decimal

import pytest
from histories import newest, write_revision

TABLE = """
def upgrade():
    op.create_table("answer", sa.Column("id", sa.Integer, primary_key=True))
"""
MODEL = """
class Answer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    given = db.Column({type}, nullable=False)
"""
ENUM = 'db.Enum("happy", "sad", name="mood")'


def with_new_column(project, type_):
    """A table with a row, whose model has a required column more."""
    write_revision(project, "start", TABLE)
    project.flask("upgrade")
    project.sql("INSERT INTO answer VALUES (1)")
    project.models = MODEL.format(type=type_)
    return project


@pytest.mark.parametrize(
    ("engine", "type_", "given", "value"),
    [
        ("sqlite", "db.Uuid", str(uuid.UUID(int=7)), uuid.UUID(int=7)),
        ("sqlite", "db.Uuid", uuid.UUID(int=7).hex, uuid.UUID(int=7)),
        ("postgresql", "db.Uuid", str(uuid.UUID(int=7)), uuid.UUID(int=7)),
        ("mariadb", "db.Uuid", str(uuid.UUID(int=7)), uuid.UUID(int=7)),
        ("sqlite", "db.DateTime", "2026-01-02", datetime.datetime(2026, 1, 2)),
        ("sqlite", "db.DateTime", "2026-01-02T03:04:05", datetime.datetime(2026, 1, 2, 3, 4, 5)),
        ("postgresql", "db.DateTime", "2026-01-02T03:04:05", datetime.datetime(2026, 1, 2, 3, 4, 5)),
        ("sqlite", "db.Date", "2026-01-02", datetime.date(2026, 1, 2)),
        ("sqlite", "db.Numeric(6, 2)", "1.50", Decimal("1.50")),
        ("sqlite", "db.Boolean", "true", True),
        ("sqlite", ENUM, "happy", "happy"),
    ],
)
def test_F09_the_value_is_found_again(project_on, engine, type_, given, value):
    project = with_new_column(project_on(engine), type_)
    project.flask("new", "-m", "given", "--default", f"answer.given={given}")
    project.flask("upgrade")
    app = project.create_app()
    module = sys.modules[project.name]
    with app.app_context():
        answers = module.db.session.query(module.Answer)
        found = answers.filter_by(given=value).count()
        read = [answer.given for answer in answers]
        module.db.session.remove()
        for engine in module.db.engines.values():
            engine.dispose()
    assert read == [value]
    assert found == 1


@pytest.mark.parametrize(
    ("engine", "type_", "given"),
    [
        ("sqlite", "db.Integer", "many"),
        ("sqlite", ENUM, "angry"),
        ("sqlite", "db.Date", "2026-13-01"),
        ("sqlite", "db.JSON", "nonsense"),
        ("sqlite", "db.Boolean", "perhaps"),
        ("sqlite", "db.Uuid", "1234"),
        ("mariadb", "db.JSON", "nonsense"),
        ("mariadb", "db.Integer", "many"),
        ("postgresql", "db.Integer", "many"),
        ("postgresql", ENUM, "angry"),
    ],
)
def test_F09_a_value_of_another_type_is_refused(project_on, engine, type_, given):
    project = with_new_column(project_on(engine), type_)
    result = project.run("new", "-m", "given", "--default", f"answer.given={given}")
    assert result.exit_code in {1, 2}
    sentence = result.output.strip().splitlines()[-1]
    assert "answer.given" in sentence
    assert given in sentence
    assert newest(project).name.endswith("_start.py")
