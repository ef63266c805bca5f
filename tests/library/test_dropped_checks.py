"""F14: rows that a dropped or changed CHECK refused are tried before the way down."""

import pytest
from histories import ENGINES, write_revision
from sqlalchemy import types

from flask_safe_migrations import backends
from flask_safe_migrations.verification.violations import find_violation

CONDITIONS = [
    ("age >= 0", [], {"age": types.Integer()}),
    ("age BETWEEN 18 AND 99", [], {"age": types.Integer()}),
    ("age < 150 AND age > -10", [], {"age": types.Integer()}),
    ("price <> 0.5", [], {"price": types.Numeric(8, 2)}),
    ("mood IN ('happy', 'it''s')", [], {"mood": types.String(20)}),
    ("mood IN ('happy')", ["mood IN ('happy', 'sad')"], {"mood": types.String(20)}),
    ("length(mood) > 3", ["length(mood) > 1"], {"mood": types.String(20)}),
    ("mood LIKE '%@%'", [], {"mood": types.String(20)}),
    ("first < last", ["first >= 1"], {"first": types.Integer(), "last": types.Integer()}),
    ("day > '2000-01-01'", [], {"day": types.Date()}),
    ("day < '2000-01-01'", [], {"day": types.DateTime()}),
    ("mood IS NULL OR age > 3", [], {"mood": types.String(20), "age": types.Integer()}),
]


@pytest.fixture(scope="module", params=ENGINES)
def connection(request):
    if request.param == "sqlite":
        url = "sqlite://"
    else:
        names = {"postgresql": "postgres", "mariadb": "mysql"}
        url = request.getfixturevalue(request.param).url(names[request.param])
        url = url.replace("mariadb://", "mariadb+pymysql://")
    with backends.of(url).connect() as connection:
        yield connection


@pytest.mark.parametrize(("condition", "others", "columns"), CONDITIONS, ids=[each[0] for each in CONDITIONS])
def test_values_that_violate_a_condition(connection, condition, others, columns):
    found = find_violation(connection, columns, condition, others)
    assert found is not None
    assert found.keys() <= columns.keys()


@pytest.mark.parametrize(
    ("condition", "others"),
    [("age = age", []), ("age > 3", ["age > 3"]), ("missing > 3", []), ("frobnicate(age)", [])],
)
def test_there_may_be_none(connection, condition, others):
    assert find_violation(connection, {"age": types.Integer()}, condition, others) is None


MODEL = """
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    age = db.Column(db.Integer, nullable=False)
"""
START = """
def upgrade():
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("age", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.CheckConstraint("age >= 18", name=op.f("ck_person_adult")),
    )
"""
CHANGED = """
def upgrade():
    with op.batch_alter_table("person") as batch:
        batch.drop_constraint(op.f("ck_person_adult"), type_="check")
        {new}


def downgrade():
    {before}
    with op.batch_alter_table("person") as batch:
        {old}
        batch.create_check_constraint(op.f("ck_person_adult"), "age >= 18")
"""
LOOSER = {
    "new": 'batch.create_check_constraint(op.f("ck_person_born"), "age >= 0")',
    "old": 'batch.drop_constraint(op.f("ck_person_born"), type_="check")',
}
DROPPED = {"new": "", "old": ""}
ASSERTS = 'assert not op.get_bind().scalar(sa.text("SELECT count(*) FROM person WHERE age < 18"))'
CORRECTS = 'op.execute("UPDATE person SET age = 18 WHERE age < 18")'


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", [DROPPED, LOOSER], ids=["dropped", "looser"])
def test_F14_a_downgrade_has_to_cope_with_rows_that_the_check_refuses(project_on, engine, change):
    project = project_on(engine)
    write_revision(project, "start", START)
    project.models = MODEL
    if change is LOOSER:
        project.models += '    __table_args__ = (db.CheckConstraint("age >= 0", name="born"),)\n'
    path = write_revision(project, "changed", CHANGED.format(before=ASSERTS, **change))
    result = project.run("new", "--prove")
    assert "In the downgrade with rows that only the new schema allows" in result.output
    assert "AssertionError" in result.output
    path.write_text(path.read_text().replace(ASSERTS, CORRECTS))
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
    path.write_text(path.read_text().replace(CORRECTS, ""))  # refused, with the rows: that is an answer
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
