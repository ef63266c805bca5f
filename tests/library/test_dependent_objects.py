"""Views, triggers and routines that a revision breaks are named, whether the engine checks them or not."""

import pytest
from histories import ENGINES, some, write_revision

MODELS = """
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    {column}
"""
START = """
def upgrade():
    op.create_table(
        "person", sa.Column("id", sa.Integer, primary_key=True), sa.Column("nick", sa.String(20))
    )
    op.execute({objects!r})
def downgrade():
    op.execute({drop!r})
    op.drop_table("person")
"""
DROP = """
def upgrade():
    with op.batch_alter_table("person") as batch_op:
        batch_op.drop_column("nick")
def downgrade():
    op.add_column("person", sa.Column("nick", sa.String(20)))
"""
RENAME = """
def upgrade():
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("nick", existing_type=sa.String(20), new_column_name="alias")
def downgrade():
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("alias", existing_type=sa.String(20), new_column_name="nick")
"""
VIEW = ("CREATE VIEW nicknames AS SELECT id, nick FROM person", "DROP VIEW nicknames")
TRIGGER = (
    "CREATE TRIGGER nicknames BEFORE INSERT ON person FOR EACH ROW SET NEW.nick = lower(NEW.nick)",
    "DROP TRIGGER nicknames",
)
FUNCTION = (
    "CREATE FUNCTION nicknames() RETURNS INT READS SQL DATA RETURN (SELECT count(nick) FROM person)",
    "DROP FUNCTION nicknames",
)
SQL_FUNCTION = (
    "CREATE FUNCTION nicknames() RETURNS bigint LANGUAGE sql AS 'SELECT count(nick) FROM person'",
    "DROP FUNCTION nicknames()",
)


def broken(*case):
    mark = pytest.mark.xfail(
        strict=True, raises=AssertionError, reason="F15: proved, and nothing says that it breaks"
    )
    return pytest.param(*case, marks=mark)


def unnamed(*case):
    mark = pytest.mark.xfail(
        strict=True,
        raises=AssertionError,
        reason="F15: refused, but PostgreSQL's DETAIL with the name is lost",
    )
    return pytest.param(*case, marks=mark)


@pytest.mark.parametrize(
    ("engine", "objects", "change"),
    [
        broken("mariadb", VIEW, DROP),
        broken("mariadb", VIEW, RENAME),
        broken("mariadb", TRIGGER, DROP),
        broken("mariadb", FUNCTION, DROP),
        broken("postgresql", SQL_FUNCTION, DROP),
        unnamed("postgresql", VIEW, DROP),
        ("sqlite", VIEW, DROP),
    ],
)
def test_F15_an_object_that_uses_a_dropped_column_is_named(project_on, engine, objects, change):
    project = project_on(engine)
    project.models = MODELS.format(column="alias = db.Column(db.String(20))" if change == RENAME else "")
    write_revision(project, "start", START.format(objects=objects[0], drop=objects[1]))
    write_revision(project, "change", change)
    sentence = project.fails("new", "--prove")
    assert "Not proved" in sentence
    assert "nicknames" in sentence


@pytest.mark.parametrize("engine", ENGINES)
def test_F15_a_view_that_the_revision_takes_along_is_proved(project_on, engine):
    project = project_on(engine)
    project.models = MODELS.format(column="")
    write_revision(project, "start", START.format(objects=VIEW[0], drop=VIEW[1]))
    change = DROP.replace("upgrade():\n", "upgrade():\n    op.execute('DROP VIEW nicknames')\n")
    write_revision(project, "change", f"{change}    op.execute({VIEW[0]!r})\n")
    assert "Proved: up, down and up again" in project.flask("new", "--prove")


@pytest.mark.parametrize("engine", some(["mariadb"], [], ""))
def test_F15_a_view_that_was_broken_before_stops_nothing(project_on, engine):
    project = project_on(engine)
    project.models = MODELS.format(column="nick = db.Column(db.String(20)); age = db.Column(db.Integer)")
    dangling = ["CREATE TABLE old (id INT)", "CREATE VIEW dangling AS SELECT id FROM old", "DROP TABLE old"]
    statements = "\n".join(f"    op.execute({statement!r})" for statement in dangling)
    start = START.format(objects="SELECT 1", drop="DROP VIEW dangling")
    write_revision(project, "start", start.replace("def downgrade", f"{statements}\ndef downgrade"))
    write_revision(
        project,
        "change",
        'def upgrade():\n    op.add_column("person", sa.Column("age", sa.Integer))\n'
        'def downgrade():\n    op.drop_column("person", "age")\n',
    )
    assert "Proved: up, down and up again" in project.flask("new", "--prove")
