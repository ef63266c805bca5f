"""The round trip with rows: what it proves has to hold for real rows, and what holds has to be proved."""

import re

import pytest
from histories import ENGINES, columns, newest, stored_revision, write_revision

MODELS = """
class Team(db.Model):
    id = db.Column(db.Integer, primary_key=True)
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    {column}
"""
START = """
def upgrade():
    op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True),
        {column},
        {constraint}
    )
"""
MOOD = """
def upgrade():
    mood = sa.Enum("happy", "sad", name="mood")
    op.create_table("team", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table("person", sa.Column("id", sa.Integer, primary_key=True), sa.Column("mood", mood))
"""
UNIQUE = 'sa.UniqueConstraint("{0}", name="uq_person_{0}")'
FOREIGN = 'sa.ForeignKeyConstraint(["team_id"], ["team.id"], name="fk_person_team_id_team")'
# For each change that loosens the schema: the table before, the model after, and rows that only it allows.
LOOSENED = {
    "unique text": (
        START.format(
            column='sa.Column("email", sa.String(50), nullable=False)', constraint=UNIQUE.format("email")
        ),
        "email = db.Column(db.String(50), unique=True)",
        "INSERT INTO person (id, email) VALUES (31, NULL), (32, NULL)",
    ),
    "unique number": (
        START.format(
            column='sa.Column("code", sa.Integer, nullable=False)', constraint=UNIQUE.format("code")
        ),
        "code = db.Column(db.Integer, unique=True)",
        "INSERT INTO person (id, code) VALUES (31, NULL), (32, NULL)",
    ),
    "foreign key": (
        START.format(column='sa.Column("team_id", sa.Integer, nullable=False)', constraint=FOREIGN),
        "team_id = db.Column(db.ForeignKey('team.id'))",
        "INSERT INTO person (id, team_id) VALUES (31, NULL), (32, NULL)",
    ),
    "unique constraint dropped": (
        START.format(column='sa.Column("email", sa.String(50))', constraint=UNIQUE.format("email")),
        "email = db.Column(db.String(50))",
        "INSERT INTO person (id, email) VALUES (31, 'same'), (32, 'same')",
    ),
    "member of an enum added": (
        MOOD,
        "mood = db.Column(db.Enum('happy', 'sad', 'relaxed', name='mood'))",
        "INSERT INTO person (id, mood) VALUES (31, 'relaxed'), (32, 'relaxed')",
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("change", LOOSENED)
def test_F14_a_downgrade_copes_with_rows_that_only_the_new_schema_allows(project_on, change, engine):
    """It succeeds, or it refuses with the reason: which rows, of which table, are in the way."""
    start, column, rows = LOOSENED[change]
    project = project_on(engine)
    write_revision(project, "start", start)
    project.models = MODELS.format(column=column)
    project.flask("new", "-m", "loosen")
    project.flask("upgrade")
    loosened = stored_revision(project)
    assert loosened != "start"
    project.sql(rows)
    result = project.run("downgrade", "--yes")
    if result.exit_code == 0:
        assert stored_revision(project) == "start"
        assert project.sql("SELECT count(*) FROM person") == [(2,)]
        return
    sentence = result.output.strip().splitlines()[-1]
    assert stored_revision(project) == loosened
    assert "person" in sentence
    assert (
        all(re.search(rf"\b{number}\b", sentence) for number in (2, 31, 32))
        or "cannot be taken back" in sentence
    )


PARENTS = """
def upgrade():
    op.create_table("parent", sa.Column("id", sa.{type}, primary_key=True))
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True))
"""
CHILDREN = """
class Parent(db.Model):
    id = db.Column(db.{type}, primary_key=True)
class Child(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    {column}
"""


KEY = """
def upgrade():
    op.add_column("child", sa.Column("parent_id", sa.Integer))
    {fill}
    with op.batch_alter_table("child") as batch_op:
        batch_op.alter_column("parent_id", existing_type=sa.Integer(), nullable=False)
        batch_op.create_foreign_key("fk_child_parent_id_parent", "parent", ["parent_id"], ["id"])
def downgrade():
    with op.batch_alter_table("child") as batch_op:
        batch_op.drop_constraint("fk_child_parent_id_parent", type_="foreignkey")
        batch_op.drop_column("parent_id")
"""


def proved(project, *arguments):
    result = project.run("new", *arguments)
    return "Proved: up, down and up again" in result.output and result.exit_code == 0


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("type_", "key", "column", "name"),
    [
        (
            "Integer",
            7,
            "parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False, index=True)",
            "parent_id",
        ),
        (
            "String(20)",
            "main",
            "parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False)",
            "parent_id",
        ),
        ("Integer", 7, "next_id = db.Column(db.ForeignKey('child.id'), nullable=False)", "next_id"),
    ],
    ids=["number", "text", "same table"],
)
def test_F17_a_required_foreign_key_with_a_default_is_proved(project_on, engine, type_, key, column, name):
    project = project_on(engine)
    write_revision(project, "start", PARENTS.format(type=type_))
    project.flask("upgrade")
    project.sql(f"INSERT INTO parent VALUES ({key!r})")
    project.sql("INSERT INTO child VALUES (7)")
    project.models = CHILDREN.format(type=type_, column=column)
    assert proved(project, "-m", "key", "--default", f"child.{name}={key}")
    project.flask("upgrade")
    assert project.sql(f"SELECT {name} FROM child") == [(key,)]


@pytest.mark.parametrize("engine", ENGINES)
def test_F17_a_foreign_key_that_an_update_fills_is_proved(project_on, engine):
    project = project_on(engine)
    write_revision(project, "start", PARENTS.format(type="Integer"))
    project.models = CHILDREN.format(
        type="Integer", column="parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False)"
    )
    write_revision(project, "key", KEY.format(fill='op.execute("UPDATE child SET parent_id = 7")'))
    assert proved(project, "--prove")


@pytest.mark.parametrize("engine", ENGINES)
def test_F17_a_foreign_key_that_loses_rows_is_still_not_proved(project_on, engine):
    """The values of existing rows become a foreign key: nobody says that their parents exist."""
    project = project_on(engine)
    write_revision(project, "start", PARENTS.format(type="Integer"))
    project.models = CHILDREN.format(
        type="Integer", column="parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False)"
    )
    write_revision(project, "key", KEY.format(fill='op.execute("UPDATE child SET parent_id = -id")'))
    assert "Not proved. In the upgrade with rows" in project.fails("new", "--prove")


@pytest.mark.parametrize("engine", ENGINES)
def test_F17_a_default_that_is_no_key_is_named(project_on, engine):
    """The proof makes up the parent; the database that the revision is applied to may not have it."""
    project = project_on(engine)
    write_revision(project, "start", PARENTS.format(type="Integer"))
    project.flask("upgrade")
    project.sql("INSERT INTO child VALUES (31), (32)")
    project.models = CHILDREN.format(
        type="Integer", column="parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False)"
    )
    assert proved(project, "-m", "key", "--default", "child.parent_id=7")
    expected = "child.parent_id refers to no row of parent in 2 rows (id 31, 32)"
    assert expected in project.fails("upgrade")
    assert "parent_id" not in columns(project, "child")
    project.sql("INSERT INTO parent VALUES (7)")
    project.flask("upgrade")
    assert project.sql("SELECT parent_id FROM child") == [(7,), (7,)]


NAMED_PARENTS = """
def upgrade():
    op.create_table(
        "parent",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(20), nullable=False),
        sa.UniqueConstraint("name", name="uq_parent_name"),
    )
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True))
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "fill",
    [
        """op.execute("UPDATE child SET parent_id = (SELECT id FROM parent WHERE name = 'the ''1'' one')")""",
        """op.get_bind().execute(sa.text("UPDATE child SET parent_id = :key"), {"key": 7})""",
        """child = sa.table("child", sa.column("parent_id"))
    op.execute(child.update().values(parent_id=7))""",
    ],
    ids=["looked up by name", "parameter", "expression"],
)
def test_F17_rows_that_a_revision_looks_up_are_there(project_on, engine, fill):
    project = project_on(engine)
    write_revision(project, "start", NAMED_PARENTS)
    project.models = """
class Parent(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(20), nullable=False, unique=True)
class Child(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    parent_id = db.Column(db.ForeignKey('parent.id'), nullable=False)
"""
    write_revision(project, "key", KEY.format(fill=fill))
    assert proved(project, "--prove")


@pytest.mark.parametrize("engine", ENGINES)
def test_F17_a_key_that_refers_to_a_key(project_on, engine):
    """The primary key of the parent is a foreign key itself, as in joined inheritance."""
    project = project_on(engine)
    write_revision(
        project,
        "start",
        """
def upgrade():
    op.create_table("person", sa.Column("id", sa.Integer, primary_key=True))
    op.create_table(
        "parent",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.ForeignKeyConstraint(["id"], ["person.id"], name="fk_parent_id_person"),
    )
    op.create_table("child", sa.Column("id", sa.Integer, primary_key=True))
""",
    )
    project.models = """
class Person(db.Model):
    id = db.Column(db.Integer, primary_key=True)
class Parent(db.Model):
    id = db.Column(db.ForeignKey("person.id"), primary_key=True, autoincrement=False)
class Child(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    parent_id = db.Column(db.ForeignKey("parent.id"), nullable=False)
"""
    assert proved(project, "-m", "key", "--default", "child.parent_id=7")


BY_HAND = """
def upgrade():
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("email", existing_type=sa.String(50), nullable=True)
def downgrade():
    {fill}
    with op.batch_alter_table("person") as batch_op:
        batch_op.alter_column("email", existing_type=sa.String(50), nullable=False)
"""


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("fill", "failure"),
    [
        (
            """op.execute("UPDATE person SET email = '' WHERE email IS NULL")""",
            "In the downgrade with rows that only",
        ),
        ("""op.execute("UPDATE person SET email = concat('none', id) WHERE email IS NULL")""", None),
        ("", None),
        (
            """if op.get_bind().scalar(sa.text("SELECT count(*) FROM person WHERE email IS NULL")):
        raise NotImplementedError("somebody has no address")""",
            None,
        ),
    ],
    ids=["one value for all", "a value for each", "refused by the rows", "raises the reason"],
)
def test_F14_a_downgrade_by_hand_is_proved_with_such_rows(project_on, engine, fill, failure):
    project = project_on(engine)
    start, column, rows = LOOSENED["unique text"]
    write_revision(project, "start", start)
    project.models = MODELS.format(column=column)
    if engine == "sqlite":  # which has concat() since 3.44
        fill = fill.replace("concat('none', id)", "'none' || id")
    write_revision(project, "loosen", BY_HAND.format(fill=fill))
    if failure:
        assert f"Not proved. {failure}" in project.fails("new", "--prove")
        return
    assert proved(project, "--prove")
    project.flask("upgrade")
    project.sql(rows)
    if "UPDATE" in fill:
        project.flask("downgrade", "--yes")
        assert project.sql("SELECT email FROM person ORDER BY id") == [("none31",), ("none32",)]
        return
    sentence = project.fails("downgrade", "--yes")
    assert "somebody has no address" in sentence or "person.email is NULL in 2 rows (id 31, 32)" in sentence
    assert stored_revision(project) == "loosen"


def test_F14_a_downgrade_fills_only_what_may_repeat(project):
    write_revision(project, "start", LOOSENED["unique text"][0])
    project.models = MODELS.format(column="email = db.Column(db.String(50), unique=True)")
    project.flask("new", "-m", "loosen")
    assert "UPDATE" not in newest(project).read_text()
    write_revision(
        project,
        "nick",
        'def upgrade():\n    op.add_column("team", sa.Column("nick", sa.String(9), nullable=False, '
        'server_default="x"))\n',
    )
    project.models = project.models.replace(
        "class Person", "    nick = db.Column(db.String(9))\nclass Person"
    )
    project.flask("new", "-m", "nick may be empty")
    assert "UPDATE team SET nick='' WHERE team.nick IS NULL" in newest(project).read_text()


@pytest.mark.parametrize("engine", ENGINES)
def test_F14_longer_and_larger_values_are_made_before_the_way_down(project_on, engine):
    """They do not fit any more: the downgrade refuses them by name."""
    project = project_on(engine)
    write_revision(
        project,
        "start",
        START.format(
            column='sa.Column("nick", sa.String(9)), sa.Column("n", sa.SmallInteger)', constraint=""
        ),
    )
    project.models = MODELS.format(column="nick = db.Column(db.String(30))\n    n = db.Column(db.Integer)")
    project.flask("new", "-m", "wider")
    project.flask("upgrade")
    project.sql("INSERT INTO person (id, nick, n) VALUES (31, '0123456789', 70000), (32, 'short', 7)")
    sentence = project.fails("downgrade", "--yes")
    assert "person.nick is longer than 9 characters in 1 row (id 31)" in sentence
    assert "person.n does not fit into SMALLINT in 1 row (id 31: '70000')" in sentence.replace("(6)", "")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("renames", ["the column", "the table", "both"])
def test_F14_values_fit_into_a_type_that_is_narrowed_under_another_name(project_on, engine, renames):
    """The rows of the proof fit into the new type, so the revision passes."""
    project = project_on(engine)
    start = START.format(column='sa.Column("phone", sa.String(30))', constraint="")
    write_revision(project, "start", start)
    table = "Person" if renames == "the column" else "Human"
    column = "phone" if renames == "the table" else "mobile"
    project.models = MODELS.format(column=f"{column} = db.Column(db.String(20))").replace("Person", table)
    answers = ["--rename-table", "person:human"] if table == "Human" else []
    answers += ["--rename", f"{table.lower()}.phone:mobile"] if column == "mobile" else []
    assert proved(project, "-m", "rename and narrow", *answers)
    project.flask("upgrade")


@pytest.mark.parametrize("engine", ENGINES)
def test_F14_a_row_that_only_the_new_schema_allows_does_not_refer_to_itself(project_on, engine):
    """MariaDB would not delete it, and it would be in the way of the next downgrade."""
    project = project_on(engine)
    models = """
class Person(db.Model):
    boss_id = db.Column(db.String({length}), db.ForeignKey("person.id"))
    id = db.Column(db.String({length}), primary_key=True)
"""
    project.models = models.format(length=20)
    project.flask("new", "-m", "start")
    project.models = models.format(length=40)
    assert proved(project, "-m", "widen")


SCHEMAS = """
def upgrade():
    op.execute("CREATE SCHEMA crm")
    op.create_table(
        "customer",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String(50), nullable=False),
        schema="crm",
    )
    customer_id = sa.Column("customer_id", sa.Integer, sa.ForeignKey("crm.customer.id"), nullable=False)
    op.create_table("booking", sa.Column("id", sa.Integer, primary_key=True), customer_id)
def downgrade():
    op.drop_table("booking")
    op.drop_table("customer", schema="crm")
    op.execute("DROP SCHEMA crm")
"""
SCHEMA_MODELS = """
class Customer(db.Model):
    __table_args__ = {{"schema": "crm"}}
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String(50), nullable={nullable})
    {column}


class Booking(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    customer_id = db.Column(db.ForeignKey("crm.customer.id"), nullable=False, server_default={default!r})
"""
IN_A_SCHEMA = {
    "upgrade with rows": (
        'op.add_column("customer", sa.Column("number", sa.Integer, nullable=False), schema="crm")',
        'op.drop_column("customer", "number", schema="crm")',
        {"column": "number = db.Column(db.Integer, nullable=False)"},
    ),
    "downgrade with rows that only the new schema allows": (
        'op.alter_column("customer", "name", existing_type=sa.String(50), nullable=True, schema="crm")',
        """op.execute("SELECT 1 / (count(name) - count(*) + 2) FROM crm.customer")  # two are NULL
    op.execute("ALTER TABLE crm.customer ALTER name SET NOT NULL")""",
        {"nullable": True},
    ),
    "": (
        """op.execute("UPDATE booking SET customer_id = 7")
    op.alter_column("booking", "customer_id", server_default="8")""",
        'op.alter_column("booking", "customer_id", server_default=None)',
        {"default": "8"},
    ),
}


@pytest.mark.parametrize("step", IN_A_SCHEMA)
def test_F14_tables_of_every_schema_get_rows(project_on, step):
    project = project_on("postgresql")
    project.arguments = "include_schemas=True"
    write_revision(project, "start", SCHEMAS)
    up, down, changed = IN_A_SCHEMA[step]
    project.models = SCHEMA_MODELS.format(**({"column": "", "nullable": False, "default": None} | changed))
    write_revision(project, "change", f"def upgrade():\n    {up}\ndef downgrade():\n    {down}\n")
    result = project.run("new", "--prove")
    if step:
        assert f"In the {step}: " in result.output
    else:
        assert result.exit_code == 0, result.output
        assert "with rows" in result.output


COMPUTED = "\n    a = db.Column(db.Integer)\n    b = db.Column(db.Integer)\n    {}"
PRODUCT = """
def upgrade():
    op.create_table(
        "team",
        sa.Column("id", sa.Integer, primary_key=True),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("a", sa.Integer),
        sa.Column("b", sa.Integer),
    )
"""


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])  # SQLite computes any number
def test_computed_columns_do_not_overflow(project_on, engine):
    """MariaDB stores a row whose virtual column is too large, and refuses it when the table is copied."""
    project = project_on(engine)
    write_revision(project, "start", PRODUCT)
    columns = "product = db.Column(db.Integer, db.Computed('a * b'))"
    if engine == "postgresql":
        columns = columns.replace("'a * b'", "'a * b', persisted=True")
    for added in ("", "\n    total = db.Column(db.Integer, db.Computed('a + b', persisted=True))"):
        project.models = MODELS.format(column=COMPUTED.format(columns + added))
        assert "Proved: up, down and up again" in project.flask("new", "-m", "computed")


@pytest.mark.parametrize("engine", ENGINES)
def test_rows_that_a_revision_names_do_not_share_values_that_become_unique(project_on, engine):
    """On SQLite, the look-up of the table in sqlite_master also names a value for a column `name`."""
    project = project_on(engine)
    two = "name = db.Column(db.String(50), nullable=False{0})\n    email = db.Column(db.String(50){0})"
    project.models = MODELS.format(column=two.format(""))
    project.flask("new", "-m", "start")
    project.models = MODELS.format(column=two.format(", unique=True"))
    assert "Proved: up, down and up again" in project.flask("new", "-m", "unique")
    path = newest(project)
    update = "    op.execute(\"UPDATE person SET name = lower(name) WHERE name = 'old' OR name = 'older'\")\n"
    text = path.read_text()
    path.write_text(text.replace("def upgrade() -> None:\n", f"def upgrade() -> None:\n{update}"))
    project.flask("new", "--prove")


def test_nobody_is_asked_to_correct_generated_rows(project):
    """Three rows of a type with two values cannot differ."""
    start = START.format(
        column='sa.Column("flag", sa.Boolean, nullable=False)', constraint=""
    )  # two values, three rows
    write_revision(project, "start", start)
    project.models = MODELS.format(column="flag = db.Column(db.Boolean, nullable=False, unique=True)")
    sentence = project.fails("new", "-m", "unique")
    assert "In the upgrade with rows: " in sentence and "person.flag occurs more than once" in sentence
    assert "correct these rows" not in sentence and "The file stays: fix it" in sentence
