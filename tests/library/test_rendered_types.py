"""Types in a revision: what `flask db new` writes for a type runs, and makes the column of the model."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate.api import AutogenContext
from alembic.runtime.migration import MigrationContext
from click.testing import CliRunner
from flask.cli import FlaskGroup
from hand_written import DRIVERS, model, upgrade, with_table, write_revision
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, inspect
from sqlalchemy.dialects import mysql, postgresql
from sqlalchemy.exc import CompileError, UnsupportedCompilationError

from flask_safe_migrations import MigrationError, _compat
from flask_safe_migrations.autogenerate import render_item
from flask_safe_migrations.autogenerate.type_rendering import DIALECTS

MONEY = """
from sqlalchemy.types import Numeric, TypeDecorator, UserDefinedType

class Money(TypeDecorator):
    impl = Numeric
    cache_ok = True

    def __init__(self, precision=10, scale=2, currency="EUR"):
        super().__init__(precision, scale)
        self.currency = currency

class Price(TypeDecorator):
    impl = Numeric
    cache_ok = True

    def __init__(self, currency):
        super().__init__(12, 4)
        self.currency = currency

class Document(TypeDecorator):
    impl = db.Text
    cache_ok = True

    def load_dialect_impl(self, dialect):
        from sqlalchemy.dialects.postgresql import JSONB
        return dialect.type_descriptor(JSONB() if dialect.name == "postgresql" else db.Text())

class Postcode(UserDefinedType):
    cache_ok = True

    def __init__(self, length):
        self.length = length

    def get_col_spec(self, **_):
        return f"VARCHAR({self.length})"

"""


@pytest.fixture
def project_on(new_project, server_url):
    """`project_on(engine)` gives a project on this engine."""
    return lambda engine: new_project(DRIVERS[engine] and server_url(DRIVERS[engine]))


def types(project, table="users"):
    """Return the types of the columns, as the database reports them."""
    engine = create_engine(project.url)
    found = {each["name"]: str(each["type"]) for each in inspect(engine).get_columns(table)}
    engine.dispose()
    return found


def prove(project, table="users"):
    """Make a revision, apply it, and compare; return the types of the columns."""
    assert "Proved: up, down and up again" in project.flask("new", "-m", "types")
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    return types(project, table)


@pytest.mark.parametrize(
    ("written", "made"),
    [
        ("Money(precision=12)", "NUMERIC(12, 2)"),
        ('Money(12, scale=3, currency="USD")', "NUMERIC(12, 3)"),
        ('Price("USD")', "NUMERIC(12, 4)"),  # an argument that is required and not stored in `impl`
        ("Document", "TEXT"),
        ("Postcode(9)", "VARCHAR(9)"),
    ],
)
def test_F21_a_type_of_the_application_in_a_revision(project, written, made):
    project.models = MONEY + model(f"worth = db.Column({written})")
    assert prove(project)["worth"] == made


def test_F21_a_type_in_a_module_of_the_models(project):
    """As in a generated project, where a model module is not imported by the revision."""
    project.create_app()
    package = project.path / project.name
    (package / "kinds.py").write_text(MONEY.partition("class Price")[0])
    project.models = f"from {project.name}.kinds import Money\n" + model("worth = db.Column(Money(12))")
    assert prove(project)["worth"] == "NUMERIC(12, 2)"


@pytest.mark.parametrize("engine", ["postgresql", "mariadb"])
def test_F21_a_type_of_the_application_on_a_server(project_on, engine):
    project = project_on(engine)
    project.flask("init")
    project.models = MONEY + model("worth = db.Column(Money(12))\ntext = db.Column(Document)")
    found = prove(project)
    assert found["worth"] in {"NUMERIC(12, 2)", "DECIMAL(12, 2)"}
    assert found["text"] == {"postgresql": "JSONB", "mariadb": "TEXT"}[engine]


def test_F21_the_type_of_a_column_changes_to_one_of_the_application(project):
    with_table(project, "worth = db.Column(db.Numeric(8, 2))")
    project.models = MONEY + model("worth = db.Column(Money(12))")
    assert prove(project)["worth"] == "NUMERIC(12, 2)"


VARIANTS = {
    "jsonb": 'db.JSON().with_variant(postgresql.JSONB(), "postgresql")',
    "array": 'db.JSON().with_variant(postgresql.ARRAY(db.Text()), "postgresql")',
    "array of strings": 'db.JSON().with_variant(postgresql.ARRAY(db.String(9)), "postgresql")',
    "hstore": 'db.JSON().with_variant(postgresql.HSTORE(), "postgresql")',
    "inet": 'db.String(40).with_variant(postgresql.INET(), "postgresql")',
    "base": 'postgresql.ARRAY(db.Text()).with_variant(db.JSON(), "sqlite", "mysql", "mariadb")',
    "mysql": 'db.String(9).with_variant(mysql.VARCHAR(9, charset="latin1"), "mysql", "mariadb")',
}
ON = [
    (engine, name)
    for engine in DRIVERS
    for name in VARIANTS
    if (engine, name) != ("postgresql", "hstore")  # an extension
]


@pytest.mark.parametrize(("engine", "name"), ON)
def test_F22_a_type_with_a_variant_for_another_engine(project_on, engine, name):
    project = project_on(engine)
    project.flask("init")
    imports = "from sqlalchemy.dialects import mysql, postgresql\n"
    project.models = imports + model(f"value = db.Column({VARIANTS[name]})")
    assert "value" in prove(project)


def render(kind, name="sqlite"):
    """Return the expression that a revision on this engine has for the type, and its imports."""
    migration = MigrationContext.configure(
        dialect_name=name, opts={"sqlalchemy_module_prefix": "sa.", "user_module_prefix": None}
    )
    migration.opts["render_item"] = render_item
    context = AutogenContext(migration, opts=migration.opts)
    return _compat.render_type(kind, context), context.imports


def sql(kind, name):
    """Return the SQL of the type on this engine, or why it has none."""
    try:
        return kind.compile(DIALECTS[name])
    except (CompileError, UnsupportedCompilationError) as error:
        return type(error)


class Money(sa.types.TypeDecorator):
    impl = sa.Numeric
    cache_ok = True

    def __init__(self, currency, **options):
        super().__init__(**options)
        self.currency = currency


class Document(sa.types.TypeDecorator):
    impl = sa.Text
    cache_ok = True

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect):
        return dialect.type_descriptor(self.kind if dialect.name == "postgresql" else sa.Text())


class Name(sa.String):
    def __init__(self, length=99):
        super().__init__(length)


class Vector(sa.types.UserDefinedType):
    """As that of pgvector."""

    cache_ok = True

    def __init__(self, dim=None):
        self.dim = dim

    def get_col_spec(self, **_):
        return f"VECTOR({self.dim})"


class Forgetful(Vector):
    def __init__(self, size):
        super().__init__(size)


NUMBERS = st.integers(1, 60)
PLAIN = st.one_of(
    st.sampled_from([sa.Integer(), sa.Boolean(), sa.Date(), sa.JSON(), sa.LargeBinary(), sa.Interval()]),
    st.builds(sa.String, NUMBERS),
    st.builds(sa.Numeric, NUMBERS, NUMBERS),
    st.builds(sa.DateTime, timezone=st.booleans()),
    st.lists(st.text("ab'\"\\%:{} é", min_size=1), min_size=1, unique=True).map(
        lambda values: sa.Enum(*values, name="kind", native_enum=False)
    ),
    st.sampled_from([sa.PickleType(), sa.Uuid(), sa.Uuid(native_uuid=False), sa.Unicode(9, collation="C")]),
    st.builds(Name, NUMBERS),
    st.builds(Vector, NUMBERS),
    st.builds(Money, st.text(), precision=NUMBERS, scale=NUMBERS),
)
OF_POSTGRESQL = st.one_of(
    st.sampled_from([postgresql.INET(), postgresql.HSTORE(), postgresql.JSONB(), postgresql.TSVECTOR()]),
    st.builds(postgresql.JSONB, astext_type=st.builds(sa.String, NUMBERS)),
    st.builds(postgresql.ARRAY, PLAIN, dimensions=st.none() | st.integers(1, 3)),
    st.builds(sa.ARRAY, PLAIN),
    st.builds(postgresql.INTERVAL, precision=st.integers(0, 6)),
    st.builds(postgresql.DOMAIN, st.just("posint"), PLAIN, check=st.just("VALUE > 0")),
)
OF_MYSQL = st.one_of(
    st.builds(mysql.VARCHAR, NUMBERS, charset=st.sampled_from(["latin1", None])),
    st.builds(mysql.INTEGER, unsigned=st.booleans()),
    st.builds(mysql.ENUM, st.sampled_from(["a", "it's"])),
    st.builds(mysql.SET, st.sampled_from(["a", "it's"])),
    st.just(mysql.LONGTEXT()),
)
WITH_VARIANTS = st.one_of(
    PLAIN,
    OF_POSTGRESQL,
    OF_MYSQL,
    st.builds(Document, OF_POSTGRESQL),
    st.builds(lambda base, variant: base.with_variant(variant, "postgresql"), PLAIN, OF_POSTGRESQL),
    st.builds(lambda base, variant: base.with_variant(variant, "mysql", "mariadb"), PLAIN, OF_MYSQL),
    st.builds(
        lambda base, variant: base.with_variant(variant, "sqlite"), st.builds(Document, OF_POSTGRESQL), PLAIN
    ),
    st.builds(
        lambda base, one, other: base.with_variant(one, "postgresql").with_variant(other, "mysql"),
        PLAIN,
        st.builds(Document, OF_POSTGRESQL),
        OF_MYSQL,
    ),
)


@given(WITH_VARIANTS, st.sampled_from(sorted(DIALECTS)))
@settings(max_examples=300, deadline=None)
def test_F21_F22_the_type_in_a_revision_has_the_sql_of_the_model_on_each_engine(kind, name):
    text, imports = render(kind, name)
    names = {"sa": sa}
    exec("\n".join(imports), names)
    made = eval(text, names)
    assert {name: sql(made, name) for name in DIALECTS} == {name: sql(kind, name) for name in DIALECTS}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (Money("EUR", precision=12), "sa.Numeric(precision=12)"),
        (Name(9), "sa.String(length=9)"),
        (Vector(3), f"{__name__}.Vector(dim=3)"),
        (
            Document(postgresql.JSONB()),
            "sa.Text().with_variant(postgresql.JSONB(astext_type=sa.Text()), 'postgresql')",
        ),
        (sa.ARRAY(Money("EUR")), "sa.ARRAY(sa.Numeric())"),
    ],
)
def test_F21_a_revision_has_what_the_database_stores(kind, text):
    assert render(kind)[0] == text


def test_F21_a_type_whose_arguments_cannot_be_written():
    with pytest.raises(MigrationError, match=r"Forgetful cannot be written .*\.Forgetful\(None\) has not"):
        render(Forgetful(3))


def test_F21_a_type_that_is_no_name_of_a_module():
    class Local(Vector):
        pass

    with pytest.raises(MigrationError, match="not defined at the top of a module"):
        render(Local(3))


def test_F21_an_option_that_is_no_code(project):
    project.models = "class Odd(str):\n    def __repr__(self):\n        return '<odd>'\n" + model(
        "name = db.Column(db.String(9))\n__table_args__ = {'sqlite_with_rowid': Odd('x')}"
    )
    sentence = project.fails("new", "-m", "odd")
    assert "would not be Python, and nothing was written" in sentence and "<odd>" in sentence
    assert not project.versions


def test_F21_the_prefix_of_the_application(project):
    """Alembic's `user_module_prefix`, with an import in script.py.mako, is the application's own decision."""
    project.arguments = 'user_module_prefix="kinds."'
    (project.path / project.name / "kinds.py").write_text(
        "from sqlalchemy.types import Numeric, TypeDecorator\n\n"
        "class Money(TypeDecorator):\n    impl = Numeric\n    cache_ok = True\n"
    )
    template = project.migrations / "script.py.mako"
    template.write_text(
        template.read_text().replace(
            "import sqlalchemy as sa\n", f"import sqlalchemy as sa\nfrom {project.name} import kinds\n"
        )
    )
    project.models = f"from {project.name}.kinds import Money\n" + model("worth = db.Column(Money(12))")
    prove(project)
    assert "kinds.Money(precision=12)" in project.versions[0].read_text()


MOOD = 'mood = db.Column(db.Enum("good", "bad", name="mood"))'


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (MOOD, MOOD.replace('name="mood"', 'name="feeling"')),
        (MOOD, MOOD.replace('"bad", name="mood"', '"bad", "fair", name="feeling"')),
        (MOOD.replace("))", '), server_default="good")'), None),
    ],
    ids=["name", "name and values", "with a default"],
)
def test_F23_an_enum_type_is_renamed(project_on, before, after):
    project = project_on("postgresql")
    with_table(project, before)
    project.sql("INSERT INTO users (mood) VALUES ('bad')")
    project.models = model(after or before.replace('name="mood"', 'name="feeling"'))
    prove(project)
    assert project.sql("SELECT mood FROM users") == [("bad",)]
    assert project.sql("SELECT typname FROM pg_type WHERE typtype = 'e'") == [("feeling",)]
    project.flask("downgrade", "--yes")
    assert project.sql("SELECT typname FROM pg_type WHERE typtype = 'e'") == [("mood",)]
    assert project.sql("SELECT mood FROM users") == [("bad",)]


DOMAIN = "from sqlalchemy.dialects.postgresql import ARRAY, DOMAIN\n"
POSITIVE = 'DOMAIN("posint", db.Integer, check="VALUE > 0")'
DOMAINS = "SELECT count(*) FROM pg_type WHERE typname = 'posint'"


@pytest.mark.parametrize("kind", [POSITIVE, f"ARRAY({POSITIVE})"], ids=["domain", "array"])
def test_F23_a_domain_comes_with_its_table_and_goes_with_it(project_on, kind):
    project = project_on("postgresql")
    project.flask("init")
    project.models = DOMAIN + model(f"age = db.Column({kind})")
    prove(project)
    project.flask("downgrade", "--yes")
    assert project.sql(DOMAINS) == [(0,)]
    project.flask("upgrade")


def test_F23_a_domain_comes_with_a_column_and_goes_with_it(project_on):
    project = project_on("postgresql")
    with_table(project, "")
    project.models = DOMAIN + model(f"age = db.Column({POSITIVE})")
    prove(project)
    project.models = model("")
    project.flask("new", "-m", "gone", "--drop", "users.age")
    project.flask("upgrade")
    assert project.sql(DOMAINS) == [(0,)]


PARENTS = """
class Parent(db.Model):
    id = db.Column({kind}, primary_key=True)
    boss_id = db.Column({kind}, db.ForeignKey("parent.id"))

class Child(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    parent_id = db.Column({kind}, db.ForeignKey("parent.id", ondelete="CASCADE"), index=True)
"""


@pytest.mark.parametrize("engine", DRIVERS)
@pytest.mark.parametrize(
    ("old", "new"), [("db.Integer", "db.BigInteger"), ("db.String(20)", "db.String(40)")]
)
def test_F24_the_type_of_both_ends_of_a_foreign_key(project_on, engine, old, new):
    project = project_on(engine)
    project.models = PARENTS.format(kind=old)
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.sql("INSERT INTO parent (id) VALUES (1)")
    project.sql("INSERT INTO child (id, parent_id) VALUES (1, 1)")
    project.models = PARENTS.format(kind=new)
    found = prove(project, "child")
    assert found["parent_id"] == new.replace("db.", "").replace("BigInteger", "BIGINT").replace(
        "String", "VARCHAR"
    ) or (found["parent_id"].startswith("BIGINT") and "Big" in new)
    assert str(project.sql("SELECT parent_id FROM child")[0][0]) == "1"
    engine_of = create_engine(project.url)
    (key,) = inspect(engine_of).get_foreign_keys("child")
    assert key["referred_table"] == "parent" and key["options"].get("ondelete") == "CASCADE"
    engine_of.dispose()


def same_rows(project):
    return str(project.sql("SELECT parent_id FROM child")[0][0]) == "1"


@pytest.mark.parametrize("engine", DRIVERS)
def test_F24_a_number_in_a_foreign_key_becomes_a_text(project_on, engine):
    """PostgreSQL cannot compare the two types while only one of the columns is changed."""
    project = project_on(engine)
    parents = PARENTS.replace("primary_key=True", "primary_key=True, autoincrement=False", 1)
    project.models = parents.format(kind="db.Integer")
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    project.sql("INSERT INTO parent (id) VALUES (1)")
    project.sql("INSERT INTO child (id, parent_id) VALUES (1, 1)")
    project.models = parents.format(kind="db.String(20)")
    project.run("new", "-m", "text")  # its downgrade cannot be proved: a text may be no number
    project.flask("upgrade")
    assert "Nothing to migrate" in project.flask("new", "-m", "again")
    assert same_rows(project)
    project.flask("downgrade", "--yes")
    assert same_rows(project)


@pytest.mark.parametrize("engine", DRIVERS)
def test_F24_the_type_changes_while_a_foreign_key_comes_and_one_goes(project_on, engine):
    project = project_on(engine)
    child = PARENTS.partition("class Child")[2]
    more = "\nclass Other" + child.replace('db.ForeignKey("parent.id", ondelete="CASCADE"), ', "")
    project.models = PARENTS.format(kind="db.Integer") + more.format(kind="db.Integer")
    project.flask("init")
    project.flask("new", "-m", "first")
    project.flask("upgrade")
    more = "\nclass Other" + child + "\nclass New" + child
    project.models = (PARENTS + more).format(kind="db.BigInteger").replace('db.ForeignKey("parent.id")', "")
    project.models = project.models.replace("db.Column(db.BigInteger, )", "db.Column(db.BigInteger)")
    prove(project, "new")
    project.flask("downgrade", "--yes")
    project.flask("upgrade")


@pytest.mark.parametrize("engine", DRIVERS)
@pytest.mark.parametrize(
    "kind",
    ["db.Boolean(create_constraint=True)", 'db.Enum("a", "b", native_enum=False, create_constraint=True)'],
    ids=["boolean", "enum"],
)
@pytest.mark.parametrize("convention", ["NAMING_CONVENTION", '{"ck": "ck_%(constraint_name)s"}'])
def test_F26_a_type_with_a_check_needs_a_name(project_on, engine, kind, convention):
    project = project_on(engine)
    with_table(project, "")
    project.models = model(f"ok = db.Column({kind})")
    project.metadata = f"metadata=MetaData(naming_convention={convention})"
    sentence = project.fails("new", "-m", "ok")
    assert "users.ok" in sentence and 'name="ok"' in sentence
    assert project.fails("check") == sentence
    project.metadata = "metadata=MetaData(naming_convention=NAMING_CONVENTION)"
    project.models = model(f'ok = db.Column({kind[:-1]}, name="ok"))')
    project.flask("new", "-m", "ok")


@pytest.mark.parametrize(
    "columns",
    [
        "age = db.Column(db.Integer)\n__table_args__ = (db.CheckConstraint('age > 0'),)",
        "age = db.Column(db.Integer, db.CheckConstraint('age > 0'))",
    ],
    ids=["table", "column"],
)
def test_F26_a_check_without_a_name(project, columns):
    """SQLAlchemy raises when the models are imported, before a command begins."""
    project.models = model(columns)
    result = CliRunner().invoke(FlaskGroup(create_app=project.create_app), ["db", "new", "-m", "users"])
    assert result.exit_code == 1 and isinstance(result.exception, SystemExit)
    sentence = result.output.strip().splitlines()[-1]
    assert "users" in sentence and "age > 0" in sentence and "name=" in sentence


def test_F26_a_check_without_a_name_in_a_revision(project):
    path = write_revision(project, "check", upgrade('op.create_check_constraint(None, "users", "id > 0")'))
    project.models = model("")
    sentence = project.fails("upgrade")
    assert path.name in sentence and "id > 0" in sentence and "name=" in sentence


def test_F26_checks_with_a_name_are_named_as_before(project):
    columns = "age = db.Column(db.Integer)\nok = db.Column(db.Boolean(create_constraint=True, name='ok'))"
    with_table(project, f"{columns}\n__table_args__ = (db.CheckConstraint('age > 0', name='adult'),)")
    engine = create_engine(project.url)
    names = {each["name"] for each in inspect(engine).get_check_constraints("users")}
    engine.dispose()
    assert names == {"ck_users_adult", "ck_users_ok"}
    assert "Nothing to migrate" in project.flask("new", "-m", "again")


@pytest.mark.parametrize("engine", DRIVERS)
def test_a_check_in_the_definition_of_a_column(project_on, engine):
    """Alembic does not render it with a new table, and MariaDB has no name for it there."""
    project = project_on(engine)
    project.flask("init")
    column = "\n{0} = db.Column(db.{1}, db.CheckConstraint('{0} > {2}', name='{0}'))"
    for columns in (("age", "Integer", 0),), (("age", "BigInteger", 0), ("size", "Integer", 1)):
        project.models = model("".join(column.format(*each) for each in columns))
        assert "Proved: up, down and up again" in project.flask("new", "-m", "checks")
        assert "Nothing to migrate" in (out := project.flask("new", "-m", "nothing"))
        assert "could not be compared" not in out
    project.models = project.models.replace("size > 1", "size > 2")
    assert "adds check ck_users_size on users: size > 2" in project.flask("new", "-m", "other")
