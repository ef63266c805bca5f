"""Views, triggers and routines that a revision breaks are named, whether the engine checks them or not."""

import pytest
from histories import ENGINES, write_revision

from flask_safe_migrations.backends.probes import find_statements

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
PROCEDURE = (
    "CREATE PROCEDURE nicknames(wanted INT) BEGIN DECLARE found INT; "
    "IF EXISTS (SELECT 1 FROM person WHERE nick = wanted) THEN "
    "SELECT count(nick) INTO found FROM person WHERE id > wanted; END IF; END",
    "DROP PROCEDURE nicknames",
)
UPDATE_TRIGGER = (
    "CREATE TRIGGER nicknames BEFORE UPDATE ON person FOR EACH ROW "
    "SET @seen = (SELECT max(nick) FROM person WHERE id = NEW.id)",
    "DROP TRIGGER nicknames",
)
EVENT = (
    "CREATE EVENT nicknames ON SCHEDULE EVERY 1 DAY DO UPDATE person SET nick = NULL",
    "DROP EVENT nicknames",
)
PLPGSQL_FUNCTION = (
    "CREATE FUNCTION nicknames(wanted int) RETURNS int LANGUAGE plpgsql AS "
    "'DECLARE one record; n int; BEGIN FOR one IN SELECT id, nick FROM person WHERE id > wanted LOOP "
    "n := one.id; END LOOP; RETURN n; END'",
    "DROP FUNCTION nicknames(int)",
)
PLPGSQL_TRIGGER = (
    "CREATE FUNCTION lower_case() RETURNS trigger LANGUAGE plpgsql AS "
    "'BEGIN NEW.nick := lower(NEW.nick); RETURN NEW; END'; "
    "CREATE TRIGGER nicknames BEFORE INSERT ON person FOR EACH ROW EXECUTE FUNCTION lower_case()",
    "DROP TRIGGER nicknames ON person; DROP FUNCTION lower_case()",
)
SQLITE_TRIGGER = (
    "CREATE TRIGGER nicknames AFTER UPDATE OF id ON person BEGIN UPDATE person SET nick = NEW.nick; END",
    "DROP TRIGGER nicknames",
)
# With recreate="always" SQLite checks nothing.
REBUILD = DROP.replace('"person")', '"person", recreate="always")', 1)


@pytest.mark.parametrize(
    ("engine", "objects", "change"),
    [
        ("mariadb", VIEW, DROP),
        ("mariadb", VIEW, RENAME),
        ("mariadb", TRIGGER, DROP),
        ("mariadb", FUNCTION, DROP),
        ("postgresql", SQL_FUNCTION, DROP),
        ("postgresql", VIEW, DROP),
        ("sqlite", VIEW, DROP),
        ("sqlite", VIEW, REBUILD),
        ("sqlite", SQLITE_TRIGGER, REBUILD),
        ("mariadb", PROCEDURE, DROP),
        ("mariadb", UPDATE_TRIGGER, DROP),
        ("mariadb", EVENT, DROP),
        ("postgresql", PLPGSQL_FUNCTION, DROP),
        ("postgresql", PLPGSQL_TRIGGER, DROP),
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


@pytest.mark.parametrize("engine", ["mariadb"])
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


@pytest.mark.parametrize("schedule", ["EVERY '1:30' HOUR_MINUTE", "AT CURRENT_TIMESTAMP + INTERVAL 1 YEAR"])
def test_an_event_is_the_same_whenever_it_was_created(project_on, schedule):
    """The server reports the second in which it was created as its start."""
    project = project_on("mariadb")
    project.models = MODELS.format(column="nick = db.Column(db.String(20))")
    event = f"CREATE EVENT later ON SCHEDULE {schedule} DO DELETE FROM person WHERE nick = ' AT ''x'' '"
    write_revision(project, "start", START.format(objects=event, drop="DROP EVENT later"))
    lines = ["SET timestamp = 2000000000", event, "SET timestamp = DEFAULT"]
    change = "".join(f"    op.execute({line!r})\n" for line in lines)
    write_revision(
        project, "end", f"def upgrade():\n    op.execute('DROP EVENT later')\ndef downgrade():\n{change}"
    )
    assert "Proved: up, down and up again" in project.flask("new", "--prove")


@pytest.mark.parametrize("engine", ENGINES)
def test_F15_an_object_that_uses_another_table_is_not_named(project_on, engine):
    """It uses a column of the same name, and a variable that could be a column."""
    project = project_on(engine)
    project.models = MODELS.format(column="nick = db.Column(db.String(20))") + MODELS.format(
        column=""
    ).replace("Person", "Pet")
    code = {
        "sqlite": "CREATE TRIGGER clean AFTER INSERT ON person BEGIN UPDATE person SET nick = NEW.nick; END",
        "postgresql": "CREATE FUNCTION clean(nick text) RETURNS int LANGUAGE plpgsql AS "
        "'BEGIN UPDATE person p SET nick = null WHERE p.nick = $1; RETURN 1; END'",
        "mariadb": "CREATE PROCEDURE clean(pet INT) BEGIN UPDATE person SET nick = NULL WHERE id = pet; END",
    }[engine]
    drop = {"sqlite": "TRIGGER clean", "postgresql": "FUNCTION clean(text)", "mariadb": "PROCEDURE clean"}
    start = START.format(objects=code, drop=f"DROP {drop[engine]}")
    pet = 'op.create_table("pet", sa.Column("id", sa.Integer, primary_key=True), sa.Column("nick", sa.Text))'
    start = start.replace("def downgrade():\n", f'    {pet}\ndef downgrade():\n    op.drop_table("pet")\n')
    write_revision(project, "start", start)
    write_revision(project, "change", DROP.replace("person", "pet").replace("String(20)", "Text"))
    assert "Proved: up, down and up again" in project.flask("new", "--prove")


def test_F15_a_trigger_that_was_broken_before_stops_no_rebuild(project_on):
    project = project_on("sqlite")
    trigger = "CREATE TRIGGER dangling AFTER INSERT ON person BEGIN DELETE FROM missing; END"
    write_revision(project, "start", START.format(objects=trigger, drop="DROP TRIGGER dangling"))
    project.models = MODELS.format(column="nick = db.Column(db.String(20))")
    project.flask("upgrade")
    project.models = MODELS.format(column="")
    write_revision(project, "change", REBUILD)
    project.flask("upgrade")
    assert project.sql("SELECT name FROM sqlite_master WHERE type = 'trigger'") == [("dangling",)]


def test_F15_a_new_view_that_does_not_work_is_named(project_on):
    """SQLite creates it without looking at its columns."""
    project = project_on("sqlite")
    project.models = MODELS.format(column="nick = db.Column(db.String(20))")
    write_revision(project, "start", START.format(objects=VIEW[0].replace("nick ", "nik "), drop=VIEW[1]))
    assert "view nicknames (no such column: nik)" in project.fails("new", "--prove")


@pytest.mark.parametrize(
    ("code", "statements"),
    [
        ("RETURN (SELECT count(a) FROM t)", ["SELECT count(a) FROM t"]),
        ("SELECT 'DELETE; FROM x', \"a;b\" FROM t -- SELECT", ["SELECT 'DELETE; FROM x', \"a;b\" FROM t"]),
        ("BEGIN SELECT a INTO v, w FROM t WHERE b = p; END", ["SELECT a  FROM t WHERE b = NULL"]),
        ("IF (SELECT CASE WHEN a THEN 1 END FROM t) THEN DELETE FROM u; END IF", 2),
        ("FOR r IN SELECT a FROM t LOOP UPDATE u SET x = r.a; END LOOP", 2),
        ("SET NEW.a = replace(NEW.a, 'x', 'y')", []),
        ("BEGIN INSERT INTO t (a) SELECT NEW.a; END", ["INSERT INTO t (a) SELECT NULL"]),
        ("DECLARE n int; BEGIN RETURN QUERY SELECT a FROM t AS n WHERE n = 1; END", 1),
    ],
)
def test_F15_statements_in_code(code, statements):
    found = find_statements(code, ["p"])
    assert (len(found) if isinstance(statements, int) else found) == statements
