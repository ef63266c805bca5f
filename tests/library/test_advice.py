"""The advice of the warnings, and the commands that a sentence proposes: they work when they are pasted."""

import re
import shlex

import pytest
from hand_written import DRIVERS, IDS, model, with_table, write_revision

NEXT = re.compile(r"^(?:and in the next(?: revision)?|.*in a revision of its own):$", re.IGNORECASE)


@pytest.fixture
def on_postgresql(new_project, server_url):
    return new_project(server_url("postgresql+psycopg"))


def advice(output, warning):
    """Return the code that a warning proposes, one string for each revision."""
    found = re.search(
        rf"^Warning, line \d+: {re.escape(warning)}.*?^    Safer:\n", output, re.MULTILINE | re.DOTALL
    )
    assert found, output
    text = output[found.end() :]
    lines = []
    for line in text.splitlines():
        if not line.startswith("      "):
            break
        lines.append(line.removeprefix("      "))
    bodies = [[]]
    for line in lines:
        if NEXT.match(line):
            bodies.append([])
        else:
            bodies[-1].append(line)
    return [body for body in bodies if body]


def follow(project, warning, output, **filled):
    """Put the advice in the place of the new revision, and apply it; the models then match."""
    newest = max(project.versions, key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()
    bodies = advice(output, warning)
    assert bodies
    for number, body in enumerate(bodies):
        text = "\n".join(f"    {line}" for line in body)
        for old, new in filled.items():
            text = text.replace({"type": "existing_type=…", "condition": '"…"', "last": "…"}[old], new)
        write_revision(
            project,
            f"step{number}",
            f"def upgrade():\n{text}\n\n\ndef downgrade():\n    raise NotImplementedError",
        )
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


TABLES = ["users", "order"]


@pytest.mark.parametrize("table", ["users", "order"])
def test_F37_not_null_on_postgresql(on_postgresql, table):
    project = on_postgresql
    with_table(project, "email = db.Column(db.String(20))", table)
    project.models = model("email = db.Column(db.String(20), nullable=False)", table)
    out = project.flask("new", "-m", "required", "--default", f"{table}.email=x")
    follow(project, f"makes {table}.email required", out, type="existing_type=sa.String(20)")


@pytest.mark.parametrize("table", ["users", "order"])
def test_F37_check_on_postgresql(on_postgresql, table):
    project = on_postgresql
    age = "age = db.Column(db.Integer)"
    with_table(project, age, table)
    check = '__table_args__ = (db.CheckConstraint("age > 17", name="adult"),)'
    project.models = model(f"{age}\n{check}", table)
    out = project.flask("new", "-m", "adults")
    follow(project, f"adds check ck_{table}_adult", out, condition='"age > 17"')


@pytest.mark.parametrize("table", TABLES)
def test_F37_foreign_key_on_postgresql(on_postgresql, table):
    project = on_postgresql
    town = f"\n\nclass Town(db.Model):\n    __tablename__ = 'town'\n{IDS}"
    project.models = model("town_id = db.Column(db.Integer)", table) + town
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.models = model('town_id = db.Column(db.ForeignKey("town.id"))', table) + town
    out = project.flask("new", "-m", "towns")
    follow(project, f"adds foreign key fk_{table}_town_id_town", out)


@pytest.mark.parametrize("table", TABLES)
def test_F37_unique_on_postgresql(on_postgresql, table):
    project = on_postgresql
    with_table(project, "email = db.Column(db.String(20))", table)
    project.models = model("email = db.Column(db.String(20), unique=True)", table)
    out = project.flask("new", "-m", "unique")
    follow(project, f"adds unique constraint uq_{table}_email", out)


@pytest.mark.parametrize("table", ["users", "order"])
def test_F37_index_on_postgresql(on_postgresql, table):
    project = on_postgresql
    with_table(project, "email = db.Column(db.String(20))", table)
    project.models = model("email = db.Column(db.String(20), index=True)", table)
    out = project.flask("new", "-m", "index")
    follow(project, f"creates index ix_{table}_email", out)


IN_A_SCHEMA = """
class Town(db.Model):
    __table_args__ = {{"schema": "crm"}}
    id = db.Column(db.Integer, primary_key=True)


class Customer(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    email = db.Column(db.String(20))
    town_id = db.Column({town})
    __table_args__ = ({more}{{"schema": "crm"}})
"""
REFERENCE = 'db.ForeignKey("crm.town.id", ondelete="SET NULL", deferrable=True, initially="DEFERRED")'
WITH_OPTIONS = [
    (
        'db.Index("ix_email", db.text("lower(email)"), unique=True, '
        """postgresql_where=db.text("email <> ''"))""",
        "creates index ix_email",
    ),
    (
        'db.Index("ix_email", "email", postgresql_ops={"email": "varchar_pattern_ops"}, '
        'postgresql_include=["town_id"])',
        "creates index ix_email",
    ),
    ('db.UniqueConstraint("email", name="uq_email", deferrable=True)', "adds unique constraint uq_email"),
    ("""db.CheckConstraint("email <> ''", name="email")""", "adds check ck_customer_email"),
    ("", "adds foreign key fk_customer_town_id_town"),
]


@pytest.mark.parametrize(("more", "warning"), WITH_OPTIONS)
def test_F37_options_and_schema_on_postgresql(on_postgresql, more, warning):
    project = on_postgresql
    project.arguments = "include_schemas=True"
    project.flask("init")
    project.models = IN_A_SCHEMA.format(town="db.Integer", more="")
    project.flask("new", "-m", "start")
    project.flask("upgrade")
    project.models = IN_A_SCHEMA.format(
        town="db.Integer" if more else REFERENCE, more=f"{more}, " if more else ""
    )
    out = project.flask("new", "-m", "more")
    follow(project, warning, out, condition="\"email <> ''\"")


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
@pytest.mark.parametrize("new", ["people", "order"])
def test_F37_a_view_under_the_old_name(new_project, server_url, engine, new):
    project = new_project(server_url(DRIVERS[engine]))
    with_table(project, "email = db.Column(db.String(20))")
    project.sql("INSERT INTO users (email) VALUES ('ada@example.com')")
    project.models = model("email = db.Column(db.String(20))", new)
    out = project.flask("new", "-m", "rename", "--rename-table", f"users:{new}")
    newest = max(project.versions, key=lambda path: path.stat().st_mtime_ns)
    (body,) = advice(out, f"renames table users to {new}")
    view = next(line for line in body if "CREATE VIEW" in line)
    rename = f'op.rename_table("users", "{new}")\n'
    text = newest.read_text()
    assert rename in text and view
    up, down = text.split("def downgrade", 1)
    newest.write_text(up.replace(rename, f"{rename}    {view}\n") + "def downgrade" + down)
    project.flask("upgrade")
    assert project.sql("SELECT email FROM users") == [("ada@example.com",)]


def test_F37_foreign_key_on_mariadb(new_project, server_url):
    project = new_project(server_url(DRIVERS["mariadb"]))
    town = f"\n\nclass Town(db.Model):\n    __tablename__ = 'town'\n{IDS}"
    project.models = model("town_id = db.Column(db.Integer, index=True)") + town
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.models = model('town_id = db.Column(db.ForeignKey("town.id"), index=True)') + town
    out = project.flask("new", "-m", "towns")
    newest = max(project.versions, key=lambda path: path.stat().st_mtime_ns)
    body = [line for each in advice(out, "adds foreign key") for line in each if line.startswith("op.")]
    first, key, last = body
    assert key == "op.create_foreign_key(…)"
    key = 'op.create_foreign_key(op.f("fk_users_town_id_town"), "users", "town", ["town_id"], ["id"])'
    newest.unlink()
    lines = "".join(f"    {line}\n" for line in (first, key, last))
    drop = 'op.drop_constraint(op.f("fk_users_town_id_town"), "users", type_="foreignkey")'
    write_revision(project, "step", f"def upgrade():\n{lines}\n\ndef downgrade():\n    {drop}\n")
    assert "Proved" in project.flask("new", "--prove")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


NAMES = [
    ("c:d", "x:y"),
    ("a b", "a c"),
    ("it's", "its"),
    ("$HOME", "$home"),
    ("(n)", "(m)"),
    ("a=b", "a=c"),
    ("a.b", "a.c"),
    ("größe", "grösse"),
]


def proposed(sentence, option):
    """Return the arguments of the proposed command, as a shell splits it."""
    command = re.search(rf"`(flask db new -m \"…\" {option} .+?)`[.,:;]", sentence)[1]
    # What a shell would expand or take for syntax must be quoted.
    outside = re.sub(r"'[^']*'|\"[^\"$`]*\"|\\.", "", command)
    assert not re.search(r"[$`()<>|;&*?]", outside), command
    return shlex.split(command)[2:]


@pytest.mark.parametrize(("old", "new"), NAMES)
def test_F38_a_proposed_rename_works(project, old, new):
    column = "value = db.Column({!r}, db.String(20))"
    with_table(project, column.format(old), "order")
    project.models = model(column.format(new), "order")
    out = project.flask(*proposed(project.fails("new", "-m", "rename"), "--rename"))
    assert f"renames column order.{old} to {new}" in out and "Proved" in out


@pytest.mark.parametrize(("old", "new"), NAMES)
def test_F38_a_proposed_drop_works(project, old, new):
    column = "value = db.Column({!r}, db.String(20))"
    with_table(project, column.format(old), "order")
    project.models = model(column.format(new), "order")
    out = project.flask(*proposed(project.fails("new", "-m", "rename"), "--drop"))
    assert f"drops column order.{old}" in out and "Proved" in out


@pytest.mark.parametrize("name", ["my table", "a:b"])
def test_F38_a_proposed_rename_of_a_table_works(project, name):
    with_table(project, "nick = db.Column(db.String(20))", name)
    project.models = model("nick = db.Column(db.String(20))", "people")
    out = project.flask(*proposed(project.fails("new", "-m", "rename"), "--rename-table"))
    assert f"renames table {name} to people" in out


@pytest.mark.parametrize("name", ["c:d", "a b"])
def test_F38_a_proposed_default_works(project, name):
    column = f"value = db.Column({name!r}, db.String(20)"
    with_table(project, f"{column})")
    project.models = model(f"{column}, nullable=False)")
    arguments = proposed(project.fails("new", "-m", "required"), "--default")
    assert "Proved" in project.flask(*arguments)


def test_F38_a_proposed_default_of_a_column_with_an_equals_sign_works(project):
    column = "value = db.Column('a=b', db.String(20)"
    with_table(project, f"{column})")
    project.models = model(f"{column}, nullable=False)")
    arguments = proposed(project.fails("new", "-m", "required"), "--default")
    assert "Proved" in project.flask(*arguments)


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F38_a_proposed_rename_works_on_a_server(new_project, server_url, engine):
    project = new_project(server_url(DRIVERS[engine]))
    column = "value = db.Column({!r}, db.String(20))"
    with_table(project, column.format("c:d"), "order")
    project.models = model(column.format("x:y"), "order")
    out = project.flask(*proposed(project.fails("new", "-m", "rename"), "--rename"))
    assert "renames column order.c:d to x:y" in out


def test_F38_a_rename_to_a_name_that_no_model_has_is_refused(project):
    column = "value = db.Column({!r}, db.String(20))"
    with_table(project, column.format("old"))
    project.models = model(column.format("new"))
    count = len(project.versions)
    sentence = project.fails("new", "-m", "rename", "--rename", "users.old:nwe")
    assert "--rename users.old:nwe fits no difference" in sentence
    assert len(project.versions) == count


def test_F38_one_answer_for_two_columns_is_refused(project):
    column = "{} = db.Column({!r}, db.String(20){})"
    both = [("one", "a"), ("two", "a=b")]
    with_table(project, "\n".join(column.format(*each, "") for each in both))
    project.models = model("\n".join(column.format(*each, ", nullable=False") for each in both))
    sentence = project.fails("new", "-m", "required", "--default", "users.a=b=c")
    assert "--default users.a=b=c fits users.a and users.a=b" in sentence


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_names_that_follow_a_rename_get_no_warning(new_project, server_url, engine):
    project = new_project(server_url(DRIVERS[engine]))
    with_table(project, "email = db.Column(db.String(20), index=True)")
    project.models = model("mail = db.Column(db.String(20), index=True)", "people")
    renames = ["--rename-table", "users:people", "--rename", "people.email:mail"]
    out = project.flask("new", "-m", "rename", *renames)
    assert "ix_people_mail" in out and out.count("Warning, ") == 2
    assert "cannot be judged" not in out
